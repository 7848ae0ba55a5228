internal import Contracts

/// An answer of the Bot API that refuses a call.
struct TelegramError: Error, Equatable {
    var code: Int
    var description: String
    var retryAfter: Int?

    /// 400 with Telegram's usual beginning.
    static func bad(_ text: String) -> TelegramError { TelegramError(code: 400, description: "Bad Request: " + text) }

    /// 403 with Telegram's usual beginning.
    static func forbidden(_ text: String) -> TelegramError {
        TelegramError(code: 403, description: "Forbidden: " + text)
    }

    /// 429; `seconds` is rounded up and at least 1.
    static func tooMany(_ seconds: Double) -> TelegramError {
        let wait = max(1, Int(seconds.rounded(.up)))
        return TelegramError(code: 429, description: "Too Many Requests: retry after \(wait)", retryAfter: wait)
    }

    static let unauthorized = TelegramError(code: 401, description: "Unauthorized")
    static let notFound = TelegramError(code: 404, description: "Not Found")
    static let tooLarge = TelegramError(code: 413, description: "Request Entity Too Large")
    static let conflict = TelegramError(
        code: 409,
        description: "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
            + "webhook first"
    )
    static let chatNotFound = bad("chat not found")
    static let notModified = bad(
        "message is not modified: specified new message content and reply markup are exactly the same as a current "
            + "content and reply markup of the message"
    )
    static let queryTooOld = bad("query is too old and response timeout expired or query ID is invalid")
    static let editNotFound = bad("message to edit not found")

    /// The envelope that carries it.
    var json: JSONValue {
        .members([
            "ok": false, "error_code": code.json, "description": .string(description),
            "parameters": retryAfter.map { ["retry_after": $0.json] },
        ])
    }
}
