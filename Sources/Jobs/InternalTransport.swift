internal import Contracts
internal import HTTPClient
package import ServiceKit

/// Sends commands through the service's own internal clients.
struct InternalTransport: CommandTransport {
    let context: ServiceContext

    func send(_ command: OutboxCommand, timeout: Duration) async -> CommandReply {
        let stored = StoredCommand(method: command.method, path: command.path, body: command.body, key: command.key)
        do throws(CallError) {
            let answer = try await context.client(for: command.target).send(
                stored,
                operation: "outbox",
                timeout: timeout
            )
            guard answer.isRetryable else { return .final(status: answer.status, body: answer.body) }
            return .again(
                reason: answer.problem?.code.rawValue ?? "status \(answer.status)",
                after: answer.problem?.retryAfterSeconds.map { .seconds(min($0, 60)) }
            )
        } catch {
            switch error {
            case .problem(let problem): return .again(reason: problem.code.rawValue, after: nil)
            case .unreachable(let error): return .unreachable(reason: error.code.rawValue)
            }
        }
    }
}

extension OutboxSender {
    /// The sender of a service, with its clients and clocks.
    package convenience init(
        _ context: ServiceContext,
        limits: Limits = Limits(),
        handler: @escaping Handler
    ) {
        self.init(
            database: context.background,
            transport: InternalTransport(context: context),
            metrics: context.metrics,
            log: context.log,
            limits: limits,
            handler: handler
        )
    }
}
