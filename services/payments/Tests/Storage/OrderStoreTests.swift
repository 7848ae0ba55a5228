import Contracts
import Postgres
import TestSupport
import Testing
import Time

@testable import PaymentsService

@Suite(.scratchDatabase(migrations: "services/payments/migrations")) struct OrderStoreTests {
    private let now = Timestamp(seconds: 1_795_200_000)
    private var store: OrderStore { OrderStore(database: ScratchDatabase.current.database) }

    private func new(_ id: OrderID = OrderID(), key: String? = nil) -> OrderStore.New {
        OrderStore.New(
            input: CreateOrder.Input(
                orderID: id,
                userID: 7,
                chatID: 7,
                amountKopecks: 50_000,
                rail: .yookassa,
                description: "x"
            ),
            callKey: key ?? id.description,
            fingerprint: [UInt8](repeating: 7, count: 32),
            providerKey: id.description,
            providerBody: Array("{}".utf8),
            createdAt: now,
            expiresAt: now + .seconds(3_600),
            leaseEnd: now + .seconds(8)
        )
    }

    @Test func `an order is stored once, by id and by key`() async throws {
        let id = OrderID()
        let first = try #require(try await store.insert(new(id, key: "k")))
        #expect(try await store.insert(new(id, key: "other")) == nil)
        #expect(try await store.insert(new(OrderID(), key: "k")) == nil)
        #expect(try await store.order(id) == first)
        #expect(try await store.order(callKey: "k") == first)
        #expect(first.providerBody == Array("{}".utf8))
    }

    @Test func `a leased order belongs to one instance until the lease ends`() async throws {
        _ = try await store.insert(new())
        #expect(try await store.claim(atMost: 8, now: now + .seconds(7), leaseEnd: now).isEmpty)
        let due = now + .seconds(8)
        #expect(try await store.claim(atMost: 8, now: due, leaseEnd: due + .seconds(8)).map(\.attempts) == [1])
        #expect(try await store.claim(atMost: 8, now: due, leaseEnd: due + .seconds(8)).isEmpty)
        #expect(try await store.claim(atMost: 8, now: due + .seconds(8), leaseEnd: due + .seconds(16)).count == 1)
    }

    @Test func `two instances that claim at once share the orders`() async throws {
        for _ in 0..<10 { _ = try await store.insert(new()) }
        let (store, due) = (store, now + .seconds(9))
        async let first = store.claim(atMost: 10, now: due, leaseEnd: due + .seconds(8))
        async let second = store.claim(atMost: 10, now: due, leaseEnd: due + .seconds(8))
        let claimed = try await (first + second).map(\.orderID)
        #expect(Set(claimed).count == claimed.count)
        #expect(claimed.count <= 10)
    }

    @Test func `what was ordered can't be changed or deleted by the service`() async throws {
        let id = OrderID()
        _ = try await store.insert(new(id))
        let database = ScratchDatabase.current.database
        for statement: SQL in [
            "update orders set amount_kopecks = 1 where order_id = \(id)", "delete from orders where order_id = \(id)",
            "update orders set provider_body = '' where order_id = \(id)", "delete from stray_payment",
        ] {
            let error = await #expect(throws: PostgresError.self) { try await database.execute(statement) }
            #expect(error?.code == .insufficientPrivilege)
        }
    }

    @Test func `an open order can't be forgotten and a payment can't pay twice`() async throws {
        let (one, two) = (OrderID(), OrderID())
        _ = try await store.insert(new(one))
        _ = try await store.insert(new(two))
        let database = ScratchDatabase.current.database
        let forgotten = await #expect(throws: PostgresError.self) {
            try await database.execute("update orders set next_at = null where order_id = \(one)")
        }
        guard case .checkViolation = forgotten?.code else { return #expect(Bool(false)) }
        try await database.execute("update orders set state = 'paid', payment_id = 'p' where order_id = \(one)")
        let twice = await #expect(throws: PostgresError.self) {
            try await database.execute("update orders set state = 'paid', payment_id = 'p' where order_id = \(two)")
        }
        #expect(twice?.code == .uniqueViolation(constraint: "orders_payment"))
        let unpaid = await #expect(throws: PostgresError.self) {
            try await database.execute("update orders set state = 'paid' where order_id = \(two)")
        }
        guard case .checkViolation = unpaid?.code else { return #expect(Bool(false)) }
    }

    @Test func `a stray is kept once and counted`() async throws {
        let strays = StrayStore(database: ScratchDatabase.current.database)
        let stray = StrayPayment(
            rail: .yookassa,
            reference: "p",
            reason: .unknownOrder,
            amount: "1.00",
            currency: "RUB",
            content: "{\"a\":\"\0\"}" + String(repeating: "я", count: 100_000)
        )
        #expect(try await strays.record(stray, now: now))
        #expect(try await !strays.record(stray, now: now + .seconds(1)))
        #expect(try await strays.openCount() == 1)
    }

    @Test func `one instance compares the list at a time`() async throws {
        let marks = ReconciliationStore(database: ScratchDatabase.current.database)
        let later = WallClock.system.now + .seconds(60)
        #expect(try await marks.claim(now: later, leaseEnd: later + .seconds(600)))
        #expect(try await !marks.claim(now: later, leaseEnd: later + .seconds(600)))
        #expect(try await marks.doneAt() == nil)
        try await marks.finish(nextAt: later + .seconds(60), doneAt: later)
        #expect(try await marks.doneAt() == later)
        try await marks.finish(nextAt: later, doneAt: nil)
        #expect(try await marks.doneAt() == later)
    }
}
