internal import Contracts
internal import Jobs
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Handles what billing and conversation have answered to an order's commands.
struct CommandAnswers: Sendable {
    let metrics: PaymentsMetrics
    let log: Log
    let clock: WallClock

    /// In the transaction that marks the command answered.
    func handle(_ answer: OutboxAnswer, in transaction: Transaction) async throws {
        switch answer.target {
        case .billing: try await credited(answer, in: transaction)
        default: if !answer.isSuccess { refused(answer) }
        }
    }

    private func credited(_ answer: OutboxAnswer, in transaction: Transaction) async throws {
        let input = try answer.input(of: Credit.self)
        guard let id = input.orderID, var order = try await OrderStore.lock(id, in: transaction) else { return }
        let now = clock.now
        guard answer.isSuccess else {
            refused(answer)
            // The money is real: the order stays paid, and the worker tries again under another key.
            try await OrderStore.update(order, nextAt: now + FollowUp.creditAgain, now: now, in: transaction)
            return
        }
        Failpoint.reach("payments.credited")
        var machine = OrderMachine(order.state)
        guard let consequences = machine.apply(.credited) else { return }
        order.state = machine.state
        let balance = try answer.output(of: Credit.self).balance
        try await OrderStore.update(order, nextAt: nil, now: now, in: transaction)
        try await Outbox.enqueue(
            try consequences.compactMap { try OrderCommand.make($0, order, balance: balance, now: now) },
            in: transaction
        )
        metrics.orders.increment(order.rail.rawValue, order.state.rawValue)
        metrics.creditedKopecks.add(UInt64(order.amountKopecks))
        metrics.creditSeconds.observe(max(0, (now - order.createdAt).inSeconds))
        log.info("order credited", [.orderID: .describing(order.orderID), .userID: .personal(order.userID)])
    }

    private func refused(_ answer: OutboxAnswer) {
        metrics.refused.increment(answer.target.rawValue)
        log.error(
            "command refused",
            [
                .operation: .string(answer.path), .status: .int(answer.status),
                .reason: .string(answer.problem?.code.rawValue ?? "unknown"),
            ]
        )
    }
}
