package import Contracts
package import Postgres
internal import Telemetry

/// A call to another service as it is decided, with its bytes frozen: whatever happens, every repeat is the same.
package struct OutboxCommand: Sendable, Equatable {
    /// Who is called.
    package let target: ServiceName
    package let method: OperationMethod
    /// With path values and query filled in.
    package let path: String
    /// JSON.
    package let body: [UInt8]
    /// Commands of a lane are sent one after the other, in the order of their ids; lanes know nothing of each other.
    package let lane: String
    /// The `Idempotency-Key`.
    package let key: String

    package init(target: ServiceName, method: OperationMethod, path: String, body: [UInt8], lane: String, key: String) {
        self.target = target
        self.method = method
        self.path = path
        self.body = body
        self.lane = lane
        self.key = key
    }
}

/// Durable commands to other services: stored in the transaction that decides them, sent by `OutboxSender` in the order
/// of their lane, at least once, until answered.
///
/// The service's migration creates the table `outbox`; see docs of `OutboxSender` for its shape. Order within a lane is
/// the order of enqueuing only if the transactions that enqueue to it exclude each other, as those that lock the lane's
/// own row (a session, a job) do.
package enum Outbox {
    /// Stores commands; they become visible to senders with the transaction's commit. Call `OutboxSender.wake` after it.
    package static func enqueue(_ commands: [OutboxCommand], in transaction: Transaction) async throws(PostgresError) {
        guard !commands.isEmpty else { return }
        try await transaction.execute(insert(commands))
    }

    /// The statement behind `enqueue`, to be sent in a pipeline with others. The commands carry the trace of the task
    /// that asks for the statement.
    package static func insert(_ commands: [OutboxCommand]) -> SQL {
        let lanes = commands.map(\.lane)
        let targets = commands.map(\.target.rawValue)
        let methods = commands.map(\.method.rawValue)
        let paths = commands.map(\.path)
        let keys = commands.map(\.key)
        let bodies = commands.map(\.body)
        let trace = TraceContext.current?.traceparent
        // Ids are given in the order of `position`.
        return """
            insert into outbox (lane, target, method, path, key, body, traceparent)
            select lane, target, method, path, key, body, \(trace)
            from unnest(\(lanes), \(targets), \(methods), \(paths), \(keys), \(bodies))
                with ordinality as command(lane, target, method, path, key, body, position)
            order by position
            """
    }
}

/// What a called service said, finally.
package struct OutboxAnswer: Sendable, Equatable {
    /// The command's id in the outbox.
    package let id: Int64
    package let lane: String
    package let target: ServiceName
    package let method: OperationMethod
    package let path: String
    package let key: String
    /// The command's body.
    package let request: [UInt8]
    /// The HTTP status; 400 and above is a refusal that no repeat will change.
    package let status: Int
    /// The answer's body: the operation's output, or a problem.
    package let body: [UInt8]

    package var isSuccess: Bool { (200..<300).contains(status) }

    /// The refusal; nil after a success.
    package var problem: Problem? {
        guard !isSuccess else { return nil }
        guard var problem = try? ContractJSON.decode(Problem.self, from: body) else {
            // A refusal without problem+json, from a proxy say, still is one.
            var problem = Problem(.unknown, "an answer without problem+json")
            problem.status = status
            return problem
        }
        problem.status = status
        return problem
    }

    /// Decodes a successful answer.
    ///
    /// - Throws: `Problem` for a refusal; `DecodingError` for another shape.
    package func output<O: Operation>(of operation: O.Type) throws -> O.Output {
        if let problem { throw problem }
        return try ContractJSON.decode(O.Output.self, from: body)
    }

    /// Decodes what had been asked.
    ///
    /// - Throws: `DecodingError` for another shape.
    package func input<O: Operation>(of operation: O.Type) throws -> O.Input {
        try ContractJSON.decode(O.Input.self, from: request)
    }
}
