internal import Contracts

/// Checks keyboards as Telegram does.
enum ReplyMarkup {
    static let maximumButtons = 100
    static let maximumButtonsInRow = 8
    /// callback_data, in bytes.
    static let maximumDataBytes = 64
    /// The whole markup, in bytes of JSON.
    static let maximumBytes = 10_240

    private static let actions = [
        "callback_data", "url", "web_app", "login_url", "copy_text", "pay", "switch_inline_query",
        "switch_inline_query_current_chat", "switch_inline_query_chosen_chat", "callback_game",
    ]

    /// - Parameter isInvoice: Whether the message is an invoice, the only place for a pay button.
    /// - Throws: `BUTTON_DATA_INVALID` and its like.
    static func check(_ markup: JSONValue, isInvoice: Bool = false) throws(TelegramError) {
        guard let members = markup.object else { throw .bad("object expected as reply markup") }
        guard JSONText.write(markup).utf8.count <= maximumBytes else { throw .bad("reply markup is too long") }
        if let rows = members["inline_keyboard"] { return try checkInline(rows, isInvoice: isInvoice) }
        if let rows = members["keyboard"] { return try checkReply(rows) }
        guard members["remove_keyboard"] != nil || members["force_reply"] != nil else {
            throw .bad("can't parse reply keyboard markup JSON object")
        }
    }

    private static func checkInline(_ value: JSONValue, isInvoice: Bool) throws(TelegramError) {
        guard let rows = value.array else { throw .bad("field \"inline_keyboard\" must be of type Array") }
        var count = 0
        for row in rows {
            guard let buttons = row.array else {
                throw .bad("can't parse inline keyboard: an array of rows is expected")
            }
            guard buttons.count <= maximumButtonsInRow else { throw .bad("reply markup is too long") }
            for button in buttons {
                try check(button, isFirst: count == 0, isInvoice: isInvoice)
                count += 1
            }
        }
        guard count <= maximumButtons else { throw .bad("reply markup is too long") }
    }

    private static func check(_ button: JSONValue, isFirst: Bool, isInvoice: Bool) throws(TelegramError) {
        guard let members = button.object, let text = members["text"]?.string else {
            throw .bad("can't parse inline keyboard button: field \"text\" must be of type String")
        }
        guard !text.isEmpty else { throw .bad("can't parse inline keyboard button: button text must be non-empty") }
        let chosen = actions.filter { members[$0] != nil }
        guard chosen.count == 1 else {
            throw .bad("can't parse inline keyboard button: text buttons are unallowed in the inline keyboard")
        }
        switch chosen[0] {
        case "callback_data":
            let bytes = members["callback_data"]?.string?.utf8.count ?? 0
            guard (1...maximumDataBytes).contains(bytes) else { throw .bad("BUTTON_DATA_INVALID") }
        case "url":
            let url = members["url"]?.string ?? ""
            let isLink = ["http://", "https://", "tg://", "ton://"].contains { url.hasPrefix($0) }
            guard isLink, !url.contains(where: \.isWhitespace), url.utf8.count <= 2_048 else {
                throw .bad("BUTTON_URL_INVALID")
            }
        case "copy_text":
            let length = members["copy_text"]?["text"]?.string?.unicodeScalars.count ?? 0
            guard (1...256).contains(length) else { throw .bad("BUTTON_COPY_TEXT_INVALID") }
        case "pay":
            guard isInvoice, isFirst else { throw .bad("BUTTON_TYPE_INVALID") }
        default: return
        }
        if let style = members["style"]?.string, !["danger", "success", "primary"].contains(style) {
            throw .bad("can't parse inline keyboard button: invalid button style specified")
        }
    }

    private static func checkReply(_ value: JSONValue) throws(TelegramError) {
        guard let rows = value.array else { throw .bad("field \"keyboard\" must be of type Array") }
        for row in rows {
            for button in row.array ?? [] {
                let text = button.string ?? button["text"]?.string ?? ""
                guard !text.isEmpty else { throw .bad("keyboard button text must be non-empty") }
            }
        }
    }

    /// The button that carries `data`, nil if no button does.
    static func button(_ data: String, in markup: JSONValue?) -> JSONValue? {
        (markup?["inline_keyboard"]?.array ?? []).lazy.flatMap { $0.array ?? [] }
            .first { $0["callback_data"]?.string == data }
    }
}
