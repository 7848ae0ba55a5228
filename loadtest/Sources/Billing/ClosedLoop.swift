import BillingService
import Contracts
import LoadtestKit
import Time

/// Clients that send their next orders when they have the verdicts of the last ones.
struct ClosedLoop: Sendable {
    /// Decides orders in their order; natively or over HTTP.
    typealias Submit = @Sendable ([OrderMix.Call]) async throws -> [InProcessLedger.Outcome]

    struct Result: Sendable {
        var tally = Tally()
        var latencies = LatencyRecorder()
        var seconds = 0.0

        var callsPerSecond: Double { Double(tally.calls) / seconds }
    }

    /// The ledger decided otherwise than the mix had to expect.
    struct Unexpected: Error, CustomStringConvertible {
        let call: OrderMix.Call
        let actual: InProcessLedger.Outcome

        var description: String { "\(call.key): \(actual) instead of \(call.expected)" }
    }

    let clients: Int
    /// Orders that a client sends at once.
    let groupOrders: Int
    let accounts: ClosedRange<UserID>
    let submit: Submit

    /// Runs the mix for some time; every order that was sent is waited for.
    func run(seed: UInt64, for duration: Duration) async throws -> Result {
        let until = Deadline.after(duration)
        return try await run(seed: seed) { !until.isExpired }
    }

    /// Runs the mix while `isGoingOn`; every order that was sent is waited for.
    func run(seed: UInt64, while isGoingOn: @Sendable @escaping () -> Bool) async throws -> Result {
        let started = Deadline.monotonicNow()
        var whole = try await withThrowingTaskGroup(of: Result.self) { group in
            for client in 0..<clients {
                let seed = seed &+ UInt64(client) &* 0x2545_f491_4f6c_dd1d
                group.addTask { try await runClient(seed, isGoingOn) }
            }
            return try await group.reduce(into: Result()) { whole, part in
                whole.tally = whole.tally + part.tally
                whole.latencies.merge(part.latencies)
            }
        }
        whole.seconds = Double(Deadline.monotonicNow() - started) * 1e-9
        return whole
    }

    private func runClient(_ seed: UInt64, _ isGoingOn: () -> Bool) async throws -> Result {
        var mix = OrderMix(accounts: accounts, seed: seed)
        var latencies = LatencyRecorder()
        while isGoingOn() {
            var calls: [OrderMix.Call] = []
            for _ in 0..<groupOrders { calls.append(mix.next()) }
            let sent = Deadline.monotonicNow()
            let outcomes = try await submit(calls)
            latencies.record(.nanoseconds(Int64(Deadline.monotonicNow() - sent)))
            for (call, outcome) in zip(calls, outcomes) {
                guard outcome == call.expected else { throw Unexpected(call: call, actual: outcome) }
                mix.answered(call)
            }
        }
        return Result(tally: mix.tally, latencies: latencies)
    }
}
