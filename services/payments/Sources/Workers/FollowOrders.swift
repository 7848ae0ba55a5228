internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Jobs
internal import Lifecycle
internal import Postgres
internal import Telemetry
internal import Time

/// Brings every order that has not ended to its end: repeats creations without an answer, reads pending payments whose
/// notification was lost, credits again what billing has refused.
///
/// Every instance runs one; an order is leased while it is worked on, and after `kill -9` another instance takes it up
/// when the lease ends. Working twice is harmless: creations repeat the same bytes under the same key.
final class FollowOrders: Worker {
    let name = "orders.follow"
    /// Orders worked on at the same time.
    static let maximumInFlight = 8
    /// How often the table is looked at without a wake. Lease and poll together bound how long a crash is felt.
    static let pollInterval = Duration.seconds(1)

    private let provider: YooKassaClient?
    private let store: OrderStore
    private let settlement: Settlement
    private let loop: EventLoop
    private let clock: WallClock
    private let log: Log
    private let signal: WakeSignal
    private let inFlight = Locked(0)

    init(
        provider: YooKassaClient?,
        store: OrderStore,
        settlement: Settlement,
        loop: EventLoop,
        clock: WallClock,
        log: Log
    ) {
        self.provider = provider
        self.store = store
        self.settlement = settlement
        self.loop = loop
        self.clock = clock
        self.log = log
        self.signal = WakeSignal(loop: loop)
    }

    /// Looks at due orders now.
    func wake() { signal.set() }

    func run() async throws {
        inFlight.withLock { $0 = 0 }
        try await withThrowingDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let free = Self.maximumInFlight - inFlight.withLock { $0 }
                let now = clock.now
                let due = free > 0 ? try await store.claim(atMost: free, now: now, leaseEnd: now + FollowUp.lease) : []
                for order in due {
                    inFlight.withLock { $0 += 1 }
                    group.addTask { await self.follow(order) }
                }
                await signal.wait(upTo: Self.pollInterval)
            }
            group.cancelAll()
        }
        try Task.checkCancellation()
    }

    private func follow(_ order: StoredOrder) async {
        do {
            try await keepingLease(order) { try await self.step(order) }
        } catch  where !Task.isCancelled {
            // The lease ends by itself, and the order is taken up again.
            log.warning("order not followed", [.orderID: .describing(order.orderID), .error: .describing(error)])
        } catch {
            // Stopping: another instance goes on when the lease ends.
        }
        inFlight.withLock { $0 -= 1 }
        signal.set()
    }

    private func step(_ order: StoredOrder) async throws {
        switch (order.state, order.rail) {
        case (.creating, .yookassa): try await create(order)
        case (.pending, .yookassa): try await read(order)
        case (.creating, .stars), (.pending, .stars): try await expireStars(order)
        case (.paid, _): try await creditAgain(order)
        case (.credited, _), (.canceled, _): break
        }
    }

    // MARK: Steps

    private func create(_ order: StoredOrder) async throws {
        let age = clock.now - order.createdAt
        guard age < FollowUp.creationLimit else {
            _ = try await settlement.abandon(order.orderID, .creationFailed, reason: "no_answer_from_provider")
            return
        }
        guard let provider else { return try await postpone(order, by: .seconds(60)) }
        let answer = await provider.create(
            key: order.providerKey,
            body: order.providerBody,
            timeout: YooKassaClient.patientTimeout,
            .person
        )
        switch answer {
        case .object(let object):
            guard let reading = PaymentReading(object) else { return try await postpone(order, by: .seconds(60)) }
            if case .stray = try await settlement.apply(reading, content: object) {
                try await postpone(order, by: .seconds(60))
            }
        case .refused, .notFound:
            // An earlier try may have been taken although this one is refused; its money would still be found and
            // credited, because a canceled order can become paid.
            _ = try await settlement.abandon(order.orderID, .creationFailed, reason: "refused_by_provider")
        case .credentialsRejected: try await postpone(order, by: .seconds(60))
        case .limited(let hint), .unknown(_, let hint):
            try await postpone(order, by: FollowUp.creationDelay(attempt: Int(order.attempts) + 1, hint: hint))
        }
    }

    private func read(_ order: StoredOrder) async throws {
        guard let provider, let paymentID = order.paymentID else { return try await postpone(order, by: .seconds(60)) }
        let usual = FollowUp.readingDelay(age: clock.now - order.createdAt)
        let answer = await provider.read(paymentID, timeout: YooKassaClient.patientTimeout, .background)
        switch answer {
        case .object(let object):
            if let reading = PaymentReading(object),
                case .order(let after) = try await settlement.apply(reading, content: object)
            {
                if after.state == .pending, usual == nil { try await giveUp(order) }
                return
            }
            try await waitOrGiveUp(order, usual)
        case .notFound, .refused: try await waitOrGiveUp(order, usual)
        case .credentialsRejected: try await postpone(order, by: .seconds(300))
        case .limited(let hint), .unknown(_, let hint):
            try await postpone(order, by: max(hint ?? .zero, usual ?? .seconds(3_600)))
        }
    }

    /// The provider does not know the payment, or it is not the order's: after three days nobody waits for it.
    private func waitOrGiveUp(_ order: StoredOrder, _ usual: Duration?) async throws {
        if usual == nil { try await giveUp(order) } else { try await postpone(order, by: .seconds(300)) }
    }

    /// Money that comes later is still found by the reconciliation and credited.
    private func giveUp(_ order: StoredOrder) async throws {
        _ = try await settlement.abandon(order.orderID, .paymentCanceled, reason: "never_paid")
    }

    private func expireStars(_ order: StoredOrder) async throws {
        // Telegram's own clock may accept a payment in the last second.
        let end = order.expiresAt + .seconds(60)
        if clock.now < end { return try await store.postpone(order, until: end) }
        try await giveUp(order)
    }

    /// Only after a refusal: a credit that waits for its answer is repeated by the outbox.
    private func creditAgain(_ order: StoredOrder) async throws {
        let now = clock.now
        try await store.database.transaction(.repeatable) { transaction in
            guard let locked = try await OrderStore.lock(order.orderID, in: transaction), locked.state == .paid
            else { return }
            let lane = OrderCommand.creditLane(order.orderID)
            if try await !OrderStore.hasOpenCommand(lane: lane, in: transaction),
                let command = try OrderCommand.credit(locked, attempt: Int(locked.attempts) + 1)
            {
                try await Outbox.enqueue([command], in: transaction)
            }
            try await OrderStore.update(locked, nextAt: now + FollowUp.creditAgain, now: now, in: transaction)
        }
    }

    private func postpone(_ order: StoredOrder, by pause: Duration) async throws {
        try await store.postpone(order, until: clock.now + pause)
    }

    // MARK: Lease

    /// Extends the lease while `body` waits for the provider, so that it can be short.
    private func keepingLease(_ order: StoredOrder, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let (loop, store, clock) = (loop, store, clock)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                while true {
                    try await loop.sleep(for: FollowUp.lease / 3)
                    try await store.postpone(order, until: clock.now + FollowUp.lease)
                }
            }
            defer { group.cancelAll() }
            // Whichever ends first: the body, or a renewal that failed, which ends the body too.
            _ = try await group.next()
        }
    }
}
