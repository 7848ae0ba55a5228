package import Contracts

/// What one call of the Bot API came to, as far as the sender of messages cares.
///
/// Texts of errors are for people and change; they are matched by substrings, and the status decides where none fits.
/// Source: Bot API 10.3 documentation and the texts in the source of the public Bot API server.
package enum TelegramAnswer: Sendable, Equatable {
    /// Done; the method's `result`.
    case accepted(JSONValue)
    /// The message already looks like that: success.
    case notModified
    /// Nothing left this machine, or a breaker kept it from leaving.
    case notSent(String)
    /// Something left, but no verdict came back: a timeout, a lost connection, a 5xx, a gateway's page.
    case uncertain(String)
    /// Too many requests; none before so many seconds.
    case flooded(seconds: Int)
    /// An album hit the limit part of the way; some of it may be in the chat.
    case partlyFlooded(seconds: Int)
    /// The group has become a supergroup with another id.
    case moved(ChatID)
    /// Nobody can be reached in that chat: blocked, kicked, deleted, never started.
    case unreachable(String)
    /// The message to change is not there any more.
    case targetGone
    /// The message can't be changed in this way.
    case notEditable
    /// The message (or topic) to reply to is not there.
    case replyTargetGone
    /// A file id of ours is not (or no longer) good.
    case fileIDRefused
    /// Telegram can't make a photo of these bytes.
    case pictureRefused
    /// This form of media is forbidden in the chat.
    case formForbidden
    /// The HTML is not to Telegram's liking.
    case markupRefused
    /// More bytes than Telegram takes.
    case tooLarge
    /// The callback or pre-checkout query has expired.
    case queryExpired
    /// The file to read is over 20 MB.
    case fileTooBig
    /// The token is wrong or revoked.
    case unauthorized
    /// Refused for a reason that a repeat won't change.
    case rejected(String)

    /// A short name for metrics; from a closed set.
    package var label: String {
        switch self {
        case .accepted: "ok"
        case .notModified: "not_modified"
        case .notSent: "not_sent"
        case .uncertain: "uncertain"
        case .flooded, .partlyFlooded: "flooded"
        case .moved: "moved"
        case .unreachable: "unreachable"
        case .targetGone: "target_gone"
        case .notEditable: "not_editable"
        case .replyTargetGone: "reply_target_gone"
        case .fileIDRefused: "file_id_refused"
        case .pictureRefused: "picture_refused"
        case .formForbidden: "form_forbidden"
        case .markupRefused: "markup_refused"
        case .tooLarge: "too_large"
        case .queryExpired: "query_expired"
        case .fileTooBig: "file_too_big"
        case .unauthorized: "unauthorized"
        case .rejected: "rejected"
        }
    }
}

extension TelegramAnswer {
    /// Reads an HTTP answer; `body` need not be JSON.
    package init(status: Int, body: [UInt8]) {
        guard let envelope = try? ContractJSON.decode(JSONValue.self, from: body), envelope.object != nil else {
            // Not JSON: a gateway in front answered. Whether the API behind it acted is not known.
            self = status == 413 ? .tooLarge : .uncertain("status \(status) without JSON")
            return
        }
        if envelope["ok"]?.bool == true, let result = envelope["result"] {
            self = .accepted(result)
            return
        }
        let code = envelope["error_code"]?.integer.map(Int.init) ?? status
        self.init(
            code: code,
            description: envelope["description"]?.string ?? "",
            parameters: envelope["parameters"]
        )
    }

    private init(code: Int, description: String, parameters: JSONValue?) {
        let text = description.lowercased()
        if let chat = parameters?["migrate_to_chat_id"]?.integer {
            self = .moved(chat)
        } else if code == 429 {
            self = .flooded(seconds: Self.seconds(parameters, in: text))
        } else if text.contains("failed to send message #"), text.contains("too many requests") {
            self = .partlyFlooded(seconds: Self.seconds(nil, in: text))
        } else if code >= 500 || code == 421 {
            self = .uncertain("status \(code)")
        } else if code == 401 || (code == 404 && text == "not found") {
            self = .unauthorized
        } else if code == 413 {
            self = .tooLarge
        } else if let known = Self.known.first(where: { text.contains($0.text) }) {
            self = known.answer
        } else if code == 403 {
            self = .unreachable(Self.reason(description))
        } else {
            self = .rejected(Self.reason(description))
        }
    }

    /// The first match counts, so longer texts stand before the shorter ones that they contain.
    private static let known: [(text: String, answer: TelegramAnswer)] = [
        ("message is not modified", .notModified),
        ("message to edit not found", .targetGone),
        ("message_id_invalid", .targetGone),
        ("message to delete not found", .targetGone),
        ("message can't be deleted", .targetGone),
        ("message can't be edited", .notEditable),
        ("there is no text in the message to edit", .notEditable),
        ("there is no caption in the message to edit", .notEditable),
        ("there is no media in the message to edit", .notEditable),
        ("message to be replied not found", .replyTargetGone),
        ("message to reply not found", .replyTargetGone),
        ("replied message not found", .replyTargetGone),
        ("message thread not found", .replyTargetGone),
        ("query is too old", .queryExpired),
        ("query id is invalid", .queryExpired),
        ("query_id_invalid", .queryExpired),
        ("file is too big", .fileTooBig),
        ("wrong remote file identifier", .fileIDRefused),
        ("wrong file identifier/http url", .fileIDRefused),
        ("wrong file_id", .fileIDRefused),
        ("file_reference", .fileIDRefused),
        ("wrong type of the web page content", .fileIDRefused),
        ("failed to get http url content", .fileIDRefused),
        ("photo_invalid_dimensions", .pictureRefused),
        ("photo_save_file_invalid", .pictureRefused),
        ("image_process_failed", .pictureRefused),
        ("photo_ext_invalid", .pictureRefused),
        ("voice_messages_forbidden", .formForbidden),
        ("not enough rights to send text", .unreachable("not enough rights")),
        ("not enough rights to send", .formForbidden),
        ("can't parse entities", .markupRefused),
        ("can't parse message text", .markupRefused),
        ("chat not found", .unreachable("chat not found")),
        ("have no rights to send", .unreachable("no rights to send")),
        ("chat_write_forbidden", .unreachable("no rights to send")),
        ("have no write access", .unreachable("no write access")),
        // Only this topic: the group goes on.
        ("topic_closed", .rejected("topic closed")),
        ("user is deactivated", .unreachable("user is deactivated")),
        ("bot was blocked", .unreachable("blocked")),
    ]

    /// `retry_after`, else the number behind "retry after", else a cautious guess; at most an hour, so that a wrong
    /// number can't silence a chat for days.
    private static func seconds(_ parameters: JSONValue?, in text: String) -> Int {
        if let seconds = parameters?["retry_after"]?.integer { return Int(min(max(seconds, 1), 3_600)) }
        guard let range = text.range(ofLast: "retry after ") else { return 5 }
        return min(max(Int(text[range...].prefix { $0.isNumber }) ?? 5, 1), 3_600)
    }

    /// Telegram's own words without the "Bad Request: " in front; at most 200 characters.
    private static func reason(_ description: String) -> String {
        let words = description.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? description
        return String(words.prefix(200))
    }
}

extension String {
    /// Where the text goes on behind the last occurrence of `words`.
    fileprivate func range(ofLast words: String) -> String.Index? {
        var found: String.Index?
        var start = startIndex
        while let range = self[start...].firstRange(of: words) {
            found = range.upperBound
            start = range.upperBound
        }
        return found
    }
}
