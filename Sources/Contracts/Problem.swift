/// An error answer (RFC 9457, `application/problem+json`), thrown by handlers and by the internal client alike.
///
/// `code` is from `contracts/problems.yaml`; a code that this build does not know decodes as `.unknown`.
package struct Problem: Error, Sendable, Equatable {
    package var code: ProblemCode
    /// HTTP status; the code's own unless a newer peer sent another.
    package var status: Int
    /// What went wrong, in English, for developers; never text from a provider or the database.
    package var detail: String?
    /// Members beyond the standard ones, e.g. `shortage_kopecks` of `insufficient_funds`.
    package var members: [String: JSONValue]
    /// Seconds after which a repeat makes sense (`Retry-After`).
    package var retryAfterSeconds: Int?

    package init(
        _ code: ProblemCode,
        _ detail: String? = nil,
        members: [String: JSONValue] = [:],
        retryAfterSeconds: Int? = nil
    ) {
        self.code = code
        self.status = code.status
        self.detail = detail
        self.members = members
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// Whether the same call may succeed later without any change.
    package var isRetryable: Bool {
        code == .unknown ? status >= 500 || status == 429 : code.isRetryable
    }
}

extension Problem: Codable {
    private static let standardMembers: Set<String> = [
        "type", "title", "status", "detail", "code", "retry_after_seconds",
    ]

    package init(from decoder: any Decoder) throws {
        let object = try decoder.singleValueContainer().decode([String: JSONValue].self)
        self.code = object["code"]?.string.flatMap(ProblemCode.init(rawValue:)) ?? .unknown
        self.status = object["status"]?.integer.map(Int.init) ?? code.status
        self.detail = object["detail"]?.string
        self.retryAfterSeconds = object["retry_after_seconds"]?.integer.map(Int.init)
        self.members = object.filter { !Self.standardMembers.contains($0.key) }
    }

    package func encode(to encoder: any Encoder) throws {
        var object = members
        object["type"] = .string("urn:atelier:problem:\(code.rawValue)")
        object["title"] = .string(code.title)
        object["status"] = .integer(Int64(status))
        object["code"] = .string(code.rawValue)
        if let detail { object["detail"] = .string(detail) }
        if let retryAfterSeconds { object["retry_after_seconds"] = .integer(Int64(retryAfterSeconds)) }
        var container = encoder.singleValueContainer()
        try container.encode(object)
    }
}
