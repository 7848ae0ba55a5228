package import Contracts
internal import ServiceKit

extension OutboxCommand {
    /// Freezes a call.
    ///
    /// - Parameters:
    ///   - lane: What must keep its order, e.g. `chat:42` or `job:0193…`.
    ///   - key: The `Idempotency-Key`; derived from what caused the command, so that deciding twice gives one effect.
    /// - Throws: `EncodingError` only for a non-finite number.
    package init<O: Operation>(
        _ operation: O.Type,
        input: O.Input,
        parameters: O.Parameters,
        lane: String,
        key: String
    ) throws {
        let stored = try StoredCommand(operation, input: input, parameters: parameters, key: key)
        self.init(
            target: O.service,
            method: stored.method,
            path: stored.path,
            body: stored.body,
            lane: lane,
            key: stored.key
        )
    }

    /// Freezes a call without path and query values.
    package init<O: Operation>(_ operation: O.Type, input: O.Input, lane: String, key: String) throws
    where O.Parameters == NoParameters {
        try self.init(operation, input: input, parameters: NoParameters(), lane: lane, key: key)
    }
}
