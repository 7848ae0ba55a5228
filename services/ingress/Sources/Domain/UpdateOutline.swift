internal import HTTP

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
        guard body.first == UInt8(ascii: "{") else { return nil }
        let isValid = JSONOutline.walk(body) { path, value, bytes in
            switch path.depth {
            case 1:
                if path.has("update_id", at: 0, in: bytes) {
                    updateID = updateID ?? Self.integer(value, in: bytes)
                } else if kind == nil {
                    kind = bytes.text(path.name(at: 0))
                }
            case 2:
                guard value.kind == .object else { return }
                if path.has("successful_payment", at: 1, in: bytes) || path.has("refunded_payment", at: 1, in: bytes) {
                    isPayment = true
                }
            case 3:
                if path.has("id", at: 2, in: bytes) {
                    if path.has("chat", at: 1, in: bytes) { chat = chat ?? Self.integer(value, in: bytes) }
                    if path.has("from", at: 1, in: bytes) || path.has("user", at: 1, in: bytes) {
                        sender = sender ?? Self.integer(value, in: bytes)
                    }
                }
                if path.has("chat", at: 1, in: bytes), path.has("type", at: 2, in: bytes) {
                    isPrivate = value.kind == .string && bytes.holds("private", value.range)
                }
            default:
                // The message under a pressed button: its chat is the lane.
                guard path.has("message", at: 1, in: bytes), path.has("chat", at: 2, in: bytes) else { return }
                if path.has("id", at: 3, in: bytes) { chat = chat ?? Self.integer(value, in: bytes) }
                if path.has("type", at: 3, in: bytes) {
                    isPrivate = value.kind == .string && bytes.holds("private", value.range)
                }
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

    /// Nil for what is no integer of 64 bits.
    private static func integer(_ value: JSONOutline.Value, in bytes: Span<UInt8>) -> Int64? {
        guard value.kind == .number else { return nil }
        let isNegative = bytes[value.range.lowerBound] == UInt8(ascii: "-")
        var number: Int64 = 0
        for index in value.range.dropFirst(isNegative ? 1 : 0) {
            let digit = bytes[index] &- UInt8(ascii: "0")
            let (tenfold, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (next, overflows) = tenfold.subtractingReportingOverflow(Int64(digit))
            guard digit < 10, !isTooLarge, !overflows else { return nil }
            number = next
        }
        return isNegative ? number : number == .min ? nil : -number
    }
}
