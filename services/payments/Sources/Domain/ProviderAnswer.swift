package import Contracts

/// What an answer of YooKassa's API means for what we do next.
package enum ProviderAnswer: Sendable, Equatable {
    /// 200 with an object.
    case object(JSONValue)
    /// No such object, or another shop's.
    case notFound
    /// Our mistake; repeating does not help.
    case refused(ProviderError)
    /// Shop id or key are wrong, or the shop may not do this: an operator must act, and creating stops.
    case credentialsRejected(ProviderError)
    /// Too many requests; nothing was done. Repeat with the same key, not before `retryAfter`.
    case limited(retryAfter: Duration?)
    /// Nobody knows whether it was done. Repeat the same body with the same key, or read.
    case unknown(reason: String, retryAfter: Duration?)

    /// Whether the same request is sent again later.
    package var isRetryable: Bool {
        switch self {
        case .limited, .unknown: true
        case .object, .notFound, .refused, .credentialsRejected: false
        }
    }
}

/// The error object of the API, without text that could come from a buyer.
package struct ProviderError: Sendable, Equatable {
    package var status: Int
    /// For YooKassa's support.
    package var id: String?
    package var code: String?
    package var parameter: String?

    package init(status: Int, id: String? = nil, code: String? = nil, parameter: String? = nil) {
        self.status = status
        self.id = id
        self.code = code
        self.parameter = parameter
    }
}

extension ProviderAnswer {
    /// A hint of the API beyond this is not believed: an order waits for at most an hour.
    static let longestHint = Duration.seconds(60)

    /// The table of answers (YooKassa API v3, HTTP codes and idempotence; read 2026-11).
    ///
    /// | answer | meaning |
    /// |---|---|
    /// | 200 | the object, in its present state |
    /// | 202 (older API) | still being worked on: repeat |
    /// | 400, 405, 410, 415, other 4xx | our mistake |
    /// | 401, 403 | the shop's credentials or rights |
    /// | 404 | no such object, or another shop's |
    /// | 429 | wait |
    /// | 500, 502–504, anything else | unknown |
    ///
    /// - Parameter body: Nil if it is not JSON. `retry_after` in it is in milliseconds.
    package init(status: Int, body: JSONValue?) {
        let milliseconds = body?["retry_after"]?.integer
        let retryAfter = milliseconds.map { min(.milliseconds(max(0, $0)), Self.longestHint) }
        let error = ProviderError(
            status: status,
            id: body?["id"]?.string,
            code: body?["code"]?.string,
            parameter: body?["parameter"]?.string
        )
        switch status {
        case 200:
            if let body, body.object != nil {
                self = .object(body)
            } else {
                self = .unknown(reason: "200 without an object", retryAfter: nil)
            }
        case 401, 403: self = .credentialsRejected(error)
        case 404: self = .notFound
        case 408: self = .unknown(reason: "408", retryAfter: retryAfter)
        case 429: self = .limited(retryAfter: retryAfter)
        case 400..<500: self = .refused(error)
        default: self = .unknown(reason: String(status), retryAfter: retryAfter)
        }
    }
}
