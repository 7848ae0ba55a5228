internal import Contracts
internal import EventLoop
internal import HTTPClient
internal import Postgres

/// Turns whatever a handler threw into the problem that its caller sees. Internal text stays inside.
enum ErrorConversion {
    /// nil for an error that nobody foresaw: it is logged and answered with 500 `internal_error`.
    static func problem(for error: any Error) -> Problem? {
        switch error {
        case let problem as Problem: problem
        case let error as PostgresError: ofDatabase(error)
        case let error as CallError: ofCallee(error)
        case let error as ParameterError:
            Problem(.malformedRequest, "\(error.name) \(error.reason)", members: ["member": .string(error.name)])
        case let error as DecodingError: ofBody(error)
        case is DeadlineExceeded: Problem(.deadlineExceeded, "the call took longer than its caller waits")
        case is CancellationError: Problem(.unavailable, "the service is stopping", retryAfterSeconds: 1)
        default: nil
        }
    }

    private static func ofDatabase(_ error: PostgresError) -> Problem? {
        switch error.code {
        case .connectionLost, .unknownCommit, .unavailable:
            Problem(.unavailable, "the database is not reachable", retryAfterSeconds: 1)
        case .poolTimeout: Problem(.overloaded, "all database connections are busy", retryAfterSeconds: 1)
        case .serialization, .deadlock: Problem(.unavailable, "the database was contended", retryAfterSeconds: 1)
        case .statementTimeout, .deadlineExceeded: Problem(.deadlineExceeded, "the database took too long")
        case .cancelled: Problem(.unavailable, "the service is stopping", retryAfterSeconds: 1)
        case .lockTimeout: Problem(.inProgress, "another call works on the same thing", retryAfterSeconds: 1)
        default: nil
        }
    }

    /// A service that this one needs did not answer. Its refusals are not ours to pass on: the handler should have
    /// dealt with them, so a final one is an internal error.
    private static func ofCallee(_ error: CallError) -> Problem? {
        error.isRetryable
            ? Problem(.unavailable, "a service behind this one did not answer", retryAfterSeconds: 1) : nil
    }

    private static func ofBody(_ error: DecodingError) -> Problem {
        switch error {
        case .keyNotFound(let key, let context): malformed(context.codingPath + [key], "is missing")
        case .valueNotFound(_, let context): malformed(context.codingPath, "must not be null")
        case .typeMismatch(_, let context): malformed(context.codingPath, "has another type")
        case .dataCorrupted(let context): malformed(context.codingPath, "is malformed")
        @unknown default: Problem(.malformedRequest)
        }
    }

    /// The member as a path in the wire's spelling, e.g. `items[2].amount_kopecks`.
    private static func malformed(_ path: [any CodingKey], _ reason: String) -> Problem {
        let member = path.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + ContractJSON.snakeCase(key.stringValue)
            }
        }
        guard !member.isEmpty else { return Problem(.malformedRequest, "the body \(reason) JSON for this operation") }
        return Problem(.malformedRequest, "\(member) \(reason)", members: ["member": .string(member)])
    }
}
