internal import Synchronization
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
    /// Set when the waiting task is woken; the one member that other threads look at.
    let isAnswered = Atomic(false)
    /// What ended the unit before it was submitted.
    private var interruption: PostgresError.Code?
    /// While the unit is under way; each holds the other until then.
    private var connection: Connection?
    /// nil where each statement has one answer and nothing else has any, as in nearly every unit.
    private var steps: [Step]?
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
            guard let steps else {
                return position < statements.count ? statements[position].operation : statements.last?.operation ?? ""
            }
            for step in steps.dropFirst(position) {
                if case .statement(let index) = step { return statements[index].operation }
            }
            return statements.last?.operation ?? ""
        }
    }

    /// Notes what the next answer will belong to; `index` is the number of statements sent so far.
    func expect(_ step: Step, after index: Int) {
        if steps == nil {
            if case .statement = step { return }
            steps = (0..<index).map { Step.statement($0) }
        }
        steps?.append(step)
    }

    /// The statement that the present answer belongs to; nil if it belongs to something else.
    private var answeredStatement: Int? {
        guard case .statements(let statements) = content else { return nil }
        guard let steps else { return position < statements.count ? position : nil }
        guard position < steps.count, case .statement(let index) = steps[position] else { return nil }
        return index
    }

    /// Keeps an answer, unless it is that of a preparation.
    func take(_ result: QueryResult) {
        if answeredStatement != nil { results.append(result) }
    }

    /// What was to be prepared by the present step and those behind it.
    var unprepared: [StatementCache.Key] {
        (steps ?? []).dropFirst(position).compactMap { step in
            if case .prepare(let key) = step { key } else { nil }
        }
    }

    /// Whether COMMIT itself is what is being answered.
    var isAtCommit: Bool {
        guard endsWithCommit, case .statements(let statements) = content else { return false }
        return answeredStatement == statements.count - 1
    }

    /// Sends the unit, unless it was interrupted before.
    ///
    /// - Parameter now: Nanoseconds on the monotonic clock.
    func submit(
        to connection: Connection,
        now: UInt64 = Deadline.monotonicNow(),
        _ completion: @escaping (Result<[QueryResult], PostgresError>) -> Void
    ) {
        self.completion = completion
        if let interruption { return finish(.failure(PostgresError(interruption, operation: operation))) }
        if now >= deadline.nanoseconds {
            return finish(.failure(PostgresError(.deadlineExceeded, operation: operation)))
        }
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
