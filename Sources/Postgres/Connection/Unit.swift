internal import Time

/// Statements that go to the server together and end with one Sync: all answers come in one round trip, and after a
/// failing statement the rest is skipped.
///
/// Touched on the event loop's thread only, once submitted.
final class Unit: @unchecked Sendable {
    enum Content {
        case statements([SQL])
        /// Several statements as one text over the simple protocol, for migrations.
        case script(String, name: String)
    }

    /// What the next answers belong to.
    enum Step {
        case prepare(StatementCache.Key)
        case deallocate
        case statement(Int)
    }

    var content: Content
    /// Whether the last statement is COMMIT: if its answer is lost, the outcome is unknown.
    let endsWithCommit: Bool
    /// When the answer must be there; looked after by the connection.
    let deadline: Deadline
    /// Called once, just before the unit is sent, with the chance to change or refuse it.
    var onSubmit: ((Unit) -> PostgresError?)?
    /// Called once, before the waiting caller goes on.
    private var completion: ((Result<[QueryResult], PostgresError>) -> Void)?
    private(set) var isFinished = false
    /// What ended the unit before it was submitted.
    private var interruption: PostgresError.Code?
    private weak var connection: Connection?
    var steps: [Step] = []
    var position = 0
    var results: [QueryResult] = []
    private(set) var failure: PostgresError?

    init(_ content: Content, endsWithCommit: Bool = false, deadline: Deadline) {
        self.content = content
        self.endsWithCommit = endsWithCommit
        self.deadline = deadline
    }

    /// What the answers that come now are about, for errors.
    var operation: String {
        switch content {
        case .script(_, let name):
            return name
        case .statements(let statements):
            guard position < steps.count else { return statements.last?.operation ?? "" }
            for step in steps[position...] {
                if case .statement(let index) = step { return statements[index].operation }
            }
            return ""
        }
    }

    /// Whether COMMIT itself is what is being answered.
    var isAtCommit: Bool {
        guard endsWithCommit, case .statements(let statements) = content, position < steps.count,
            case .statement(let index) = steps[position]
        else { return false }
        return index == statements.count - 1
    }

    /// Sends the unit, unless it was interrupted before.
    func submit(to connection: Connection, _ completion: @escaping (Result<[QueryResult], PostgresError>) -> Void) {
        self.completion = completion
        if let interruption { return finish(.failure(PostgresError(interruption, operation: operation))) }
        if deadline.isExpired { return finish(.failure(PostgresError(.deadlineExceeded, operation: operation))) }
        if let refusal = onSubmit?(self) { return finish(.failure(refusal)) }
        self.connection = connection
        connection.submit(self)
    }

    /// The caller does not wait any longer.
    func interrupt(_ code: PostgresError.Code) {
        if let connection { connection.abandon(self, code) } else { interruption = interruption ?? code }
    }

    /// Notes the first error; what follows it is a consequence.
    func fail(_ error: PostgresError) {
        if failure == nil { failure = error }
    }

    /// All answers are there.
    func complete() {
        if let failure { return finish(.failure(failure)) }
        if endsWithCommit, results.last?.commandTag != "COMMIT" {
            return finish(.failure(PostgresError(.transactionAborted, operation: "commit")))
        }
        finish(.success(results))
    }

    /// The connection is gone, or the caller does not wait any longer.
    func abort(_ error: PostgresError, wasSent: Bool) {
        if let failure { return finish(.failure(failure)) }
        guard endsWithCommit, wasSent else { return finish(.failure(error)) }
        finish(
            .failure(PostgresError(.unknownCommit, sqlState: error.sqlState, operation: "commit", detail: error.detail))
        )
    }

    private func finish(_ result: Result<[QueryResult], PostgresError>) {
        guard !isFinished else { return }
        isFinished = true
        connection = nil
        onSubmit = nil
        let completion = completion
        self.completion = nil
        completion?(result)
    }
}
