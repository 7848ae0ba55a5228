/// What the hot path needs to know of a Telegram update, found in one pass over its bytes.
struct UpdateOutline: Equatable {
    /// Unique in a bot for at least a week.
    var updateID: Int64
    /// The first member besides `update_id`, e.g. `message`; `unknown` if there is none.
    var kind: String
    var chatID: Int64?
    /// Who sent it: `from`, or `user` where a kind has no `from`.
    var senderID: Int64?
    /// Whether it happened in a private chat.
    var isPrivate = false
    /// A `successful_payment` or `refunded_payment` message.
    var isPayment = false

    /// Reads an update.
    ///
    /// - Returns: Nil if the body is no JSON object or has no whole `update_id`: authentic, but not decodable.
    init?(_ body: [UInt8]) {
        var updateID: Int64?
        var kind: String?
        var chat: Int64?
        var sender: Int64?
        var isPrivate = false
        var isPayment = false
        var outline = JSONOutline(body)
        guard body.first == UInt8(ascii: "{") else { return nil }
        let isValid = outline.walk { path, value in
            switch path.depth {
            case 1:
                if path.has("update_id", at: 0) {
                    updateID = updateID ?? Self.integer(value, in: body)
                } else if kind == nil {
                    kind = path.name(at: 0)
                }
            case 2:
                guard value.kind == .object else { return }
                if path.has("successful_payment", at: 1) || path.has("refunded_payment", at: 1) { isPayment = true }
            case 3:
                if path.has("id", at: 2) {
                    if path.has("chat", at: 1) { chat = chat ?? Self.integer(value, in: body) }
                    if path.has("from", at: 1) || path.has("user", at: 1) {
                        sender = sender ?? Self.integer(value, in: body)
                    }
                }
                if path.has("chat", at: 1), path.has("type", at: 2) {
                    isPrivate = Self.text(value, in: body).elementsEqual("private".utf8)
                }
            default:
                // The message under a pressed button: its chat is the lane.
                guard path.has("message", at: 1), path.has("chat", at: 2) else { return }
                if path.has("id", at: 3) { chat = chat ?? Self.integer(value, in: body) }
                if path.has("type", at: 3) { isPrivate = Self.text(value, in: body).elementsEqual("private".utf8) }
            }
        }
        guard isValid, let updateID else { return nil }
        self.updateID = updateID
        self.kind = kind.map { $0.utf8.count <= 64 ? $0 : String($0.prefix(64)) } ?? "unknown"
        self.chatID = chat
        self.senderID = sender
        self.isPrivate = isPrivate
        self.isPayment = isPayment
    }

    private static func integer(_ value: JSONOutline.Value, in body: [UInt8]) -> Int64? {
        guard value.kind == .number else { return nil }
        var number: Int64 = 0
        for index in value.start..<value.end {
            let digit = body[index] &- UInt8(ascii: "0")
            // A sign, a fraction, or more than surely fits.
            guard digit < 10, index - value.start < 18 else {
                return Int64(String(decoding: body[value.start..<value.end], as: UTF8.self))
            }
            number = number * 10 + Int64(digit)
        }
        return number
    }

    private static func text(_ value: JSONOutline.Value, in body: [UInt8]) -> ArraySlice<UInt8> {
        value.kind == .string ? body[value.start..<value.end] : []
    }
}
