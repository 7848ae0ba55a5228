internal import Contracts
internal import Cryptography
internal import Foundation
internal import HTTP
internal import Time

/// Turns an authentic webhook body into an arrival. Never fails: what can't be decoded is stored as malformed.
enum Reading {
    /// An update of a bot. Messages and button presses of a chat share its lane; payments have one of their own, because
    /// Telegram waits only ten seconds for the answer to a pre-checkout query.
    static func telegram(bot: String, body: [UInt8], at now: Timestamp, trace: String?) -> (Arrival, UpdateOutline?) {
        guard let outline = UpdateOutline(body) else {
            let hash = Hex.encode(SHA256.hash(body))
            let arrival = Arrival(
                source: .telegram,
                kind: "malformed",
                bot: bot,
                lane: "malformed",
                dedup: .other(source: .telegram, key: "\(bot):\(hash)"),
                body: body,
                isMalformed: true,
                receivedAt: now,
                traceparent: trace
            )
            return (arrival, nil)
        }
        let arrival = Arrival(
            source: .telegram,
            kind: outline.kind,
            bot: bot,
            updateID: outline.updateID,
            lane: lane(of: outline, bot),
            dedup: .update(bot: bot, id: outline.updateID),
            body: body,
            receivedAt: now,
            traceparent: trace
        )
        return (arrival, outline)
    }

    private static func lane(of outline: UpdateOutline, _ bot: String) -> String {
        if outline.isPayment || outline.kind == "pre_checkout_query" {
            return "pay:\(bot):\(outline.senderID ?? outline.chatID ?? outline.updateID)"
        }
        if let chat = outline.chatID { return "chat:\(bot):\(chat)" }
        if let sender = outline.senderID { return "chat:\(bot):\(sender)" }
        return "update:\(bot):\(outline.updateID)"
    }

    /// A callback of KIE; the token is already verified. The body's hash is in the key, so that a forged body under a
    /// leaked token can't suppress the real one.
    ///
    /// - Parameters:
    ///   - maximumBytes: A longer body has been cut; its rest is not needed, since bodies are never trusted.
    ///   - isSigned: Whether the headers sign a task id; asked only if webhooks are to be signed.
    /// - Returns: Nil for a signature that does not fit.
    static func kie(
        token: CallbackToken,
        body: [UInt8],
        maximumBytes: Int = .max,
        isSigned: ((_ taskID: String) -> Bool)? = nil,
        at now: Timestamp,
        trace: String?
    ) -> Arrival? {
        let isCut = body.count > maximumBytes
        let body = isCut ? Array(body.prefix(maximumBytes)) : body
        let outline = CallbackOutline(body)
        if let isSigned, let task = outline.taskID, !isSigned(task) { return nil }
        // A task that is not named can't be signed: it is kept for the operator and handed to nobody.
        let isWhole = outline.isValid && !isCut && (isSigned == nil || outline.taskID != nil)
        let attempt = token.attempt.uuidString.lowercased()
        let identity = "\(cut(outline.taskID ?? "", 128)):\(cut(outline.state ?? "", 64))"
        return Arrival(
            source: .kie,
            kind: isWhole ? "callback" : isCut ? "truncated" : "malformed",
            token: token.text,
            lane: "kie:\(attempt)",
            dedup: .other(source: .kie, key: "\(attempt):\(identity):\(Hex.encode(SHA256.hash(body)))"),
            body: body,
            isMalformed: !isWhole,
            receivedAt: now,
            traceparent: trace
        )
    }

    /// A notification of YooKassa: `event` and `object.id` are its identity.
    static func yookassa(body: [UInt8], at now: Timestamp, trace: String?) -> Arrival {
        var event: String?
        var object: String?
        let isValid = JSONOutline.walk(body) { path, value, bytes in
            guard value.kind == .string else { return }
            let text = bytes.text(value.range)
            if path.depth == 1, path.has("event", at: 0, in: bytes) { event = event ?? text }
            if path.depth == 2, path.has("object", at: 0, in: bytes), path.has("id", at: 1, in: bytes) {
                object = object ?? text
            }
        }
        guard isValid, let event, let object, !event.isEmpty, !object.isEmpty else {
            return Arrival(
                source: .yookassa,
                kind: "malformed",
                lane: "malformed",
                dedup: .other(source: .yookassa, key: Hex.encode(SHA256.hash(body))),
                body: body,
                isMalformed: true,
                receivedAt: now,
                traceparent: trace
            )
        }
        return Arrival(
            source: .yookassa,
            kind: cut(event, 64),
            lane: "pay:yookassa:\(cut(object, 64))",
            dedup: .other(source: .yookassa, key: "\(cut(event, 64)):\(cut(object, 128))"),
            body: body,
            receivedAt: now,
            traceparent: trace
        )
    }

    /// At most so many bytes: keys stand in an index, and one character may have any number of them.
    private static func cut(_ text: String, _ bytes: Int) -> String {
        text.utf8.count <= bytes ? text : String(decoding: text.utf8.prefix(bytes), as: UTF8.self)
    }
}
