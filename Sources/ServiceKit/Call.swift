package import Contracts
internal import Cryptography
package import Time

/// What a handler is told about the call beside its input.
package struct Call<O: Operation>: Sendable {
    /// Who calls; the token said so.
    package let caller: ServiceName
    /// The `Idempotency-Key`, 1 to 200 visible ASCII characters; empty for `GET`.
    package let idempotencyKey: String
    package let parameters: O.Parameters
    /// When the caller stops waiting. Calls that the handler makes shrink to it by themselves.
    package let deadline: Deadline
    private let input: O.Input

    package init(
        caller: ServiceName,
        idempotencyKey: String,
        parameters: O.Parameters,
        deadline: Deadline,
        input: O.Input
    ) {
        self.caller = caller
        self.idempotencyKey = idempotencyKey
        self.parameters = parameters
        self.deadline = deadline
        self.input = input
    }

    /// SHA-256 over the operation, its parameters and the input as this build writes it, so that two bodies which mean
    /// the same have the same fingerprint. Computed anew each time it is read.
    package var fingerprint: [UInt8] {
        var hash = SHA256()
        hash.update(Array("\(O.id)\n".utf8))
        for (name, value) in parameters.values.sorted(by: { $0.name < $1.name }) {
            hash.update(Array("\(name)=\(value)\n".utf8))
        }
        // Encoding fails only for a non-finite number, and JSON that was decoded holds none.
        hash.update((try? ContractJSON.encode(input)) ?? [])
        return hash.finish()
    }
}

/// A handler's answer to a call.
package enum Answer<Output: Sendable>: Sendable {
    /// The effect happened now.
    case fresh(Output)
    /// The key was known: the first answer again, marked `Idempotency-Replayed: true`.
    case replayed(Output)

    package var output: Output {
        switch self {
        case .fresh(let output), .replayed(let output): output
        }
    }

    var isReplayed: Bool { if case .replayed = self { true } else { false } }
}

/// The deadline of the call that the running task serves, so that calls it makes don't outlive it.
package enum CallDeadline {
    @TaskLocal package static var current: Deadline?
}
