/// The name of a log field: dotted lower case, e.g. `job.id`.
///
/// Modules add theirs in an extension (`extension LogKey { static let holdID = LogKey(rawValue: "hold.id") }`), so that
/// a search for `LogKey` finds every field there is.
package struct LogKey: RawRepresentable, Hashable, Sendable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }
}

extension LogKey {
    package static let error = LogKey(rawValue: "error")
    package static let reason = LogKey(rawValue: "reason")
    package static let operation = LogKey(rawValue: "operation")
    package static let route = LogKey(rawValue: "http.route")
    package static let method = LogKey(rawValue: "http.method")
    package static let status = LogKey(rawValue: "http.status")
    package static let caller = LogKey(rawValue: "caller")
    package static let peer = LogKey(rawValue: "peer")
    package static let address = LogKey(rawValue: "address")
    package static let attempt = LogKey(rawValue: "attempt")
    package static let count = LogKey(rawValue: "count")
    package static let seconds = LogKey(rawValue: "seconds")
    package static let worker = LogKey(rawValue: "worker")
    package static let file = LogKey(rawValue: "file")
    package static let version = LogKey(rawValue: "version")
    package static let userID = LogKey(rawValue: "user.id")
    package static let chatID = LogKey(rawValue: "chat.id")
    package static let jobID = LogKey(rawValue: "job.id")
    package static let holdID = LogKey(rawValue: "hold.id")
    package static let orderID = LogKey(rawValue: "order.id")
    package static let eventID = LogKey(rawValue: "event.id")
}

/// The value of a log field; never a secret, never what a user wrote. Whoever is a person goes in as `.personal`.
package enum LogValue: Sendable, Equatable {
    case string(String)
    case int(Int64)
    case double(Double)
    case bool(Bool)
    /// What tells one person from another, such as a chat's id: written as `"hidden"` unless the log was made to show it.
    case personal(String)

    /// Anything that describes itself: identifiers, errors, enum cases.
    package static func describing(_ value: some Any) -> LogValue { .string(String(describing: value)) }
    package static func personal(_ value: some Any) -> LogValue { .personal(String(describing: value)) }
    package static func int(_ value: Int) -> LogValue { .int(Int64(value)) }
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}

/// How much a log line matters.
package enum LogLevel: String, CaseIterable, Sendable, Comparable {
    /// Detail of single requests, for looking for a fault.
    case debug
    /// Something an operator may want to know.
    case info
    /// Something went wrong and was dealt with.
    case warning
    /// Something went wrong and somebody must act.
    case error

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
}
