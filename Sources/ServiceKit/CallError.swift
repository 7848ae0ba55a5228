package import Contracts
package import HTTPClient

/// Why an internal call has no result.
package enum CallError: Error, Sendable {
    /// The callee answered with a problem.
    case problem(Problem)
    /// No answer, or one that is not HTTP and JSON as agreed. The call may have had its effect.
    case unreachable(HTTPClientError)

    /// Whether the same call under the same key may succeed later.
    package var isRetryable: Bool {
        switch self {
        case .problem(let problem): problem.isRetryable
        case .unreachable: true
        }
    }

    /// The problem, if the callee answered with one.
    package var problem: Problem? { if case .problem(let problem) = self { problem } else { nil } }
}

/// A command whose bytes were frozen when it was decided, as an outbox stores it.
package struct StoredCommand: Sendable, Equatable {
    package var method: OperationMethod
    /// With path values and query filled in.
    package var path: String
    /// JSON; repeats must send the same bytes.
    package var body: [UInt8]
    package var key: String

    package init(method: OperationMethod, path: String, body: [UInt8], key: String) {
        self.method = method
        self.path = path
        self.body = body
        self.key = key
    }

    /// Freezes a call.
    ///
    /// - Throws: `EncodingError` only for a non-finite number.
    package init<O: Operation>(
        _ operation: O.Type,
        input: O.Input,
        parameters: O.Parameters,
        key: String
    ) throws {
        self.init(
            method: O.method,
            path: O.target(parameters),
            body: try O.body(input),
            key: key
        )
    }
}

/// A callee's answer to a stored command: success or a problem, with its bytes.
package struct StoredAnswer: Sendable, Equatable {
    package let status: Int
    package let body: [UInt8]
    /// What is wrong, for a status of 400 and more.
    package let problem: Problem?

    package init(status: Int, body: [UInt8], problem: Problem?) {
        self.status = status
        self.body = body
        self.problem = problem
    }

    package var isSuccess: Bool { (200..<300).contains(status) }
    /// Whether the command should be sent again.
    package var isRetryable: Bool { problem?.isRetryable ?? false }
}
