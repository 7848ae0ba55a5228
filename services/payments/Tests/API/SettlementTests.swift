import Concurrency
import Contracts
import ServiceKit
import Telemetry
import TestSupport
import Testing
import Time

@testable import PaymentsService

@Suite(.scratchDatabase(migrations: "services/payments/migrations")) struct SettlementTests {
    @Test func `a paid order is credited once and told with the balance`() async throws {
        try await World.run { world in
            let order = try await world.create(world.input())
            world.shop.pay("pay-1")
            #expect(try await world.handle(world.notification("pay-1")).map(\.verdict) == [.ok])
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            let fact = try #require(world.neighbours.facts.first)
            #expect(fact.order?.state == .credited)
            #expect(fact.balance?.availableKopecks == 50_000)
            #expect(fact.chatID == World.user)
            let credit = try #require(world.neighbours.creditCalls.first)
            #expect(credit.key == "yookassa:pay-1")
            #expect(credit.input.orderID == order.orderID)
            #expect(try await world.order(order.orderID).state == .credited)
        }
    }

    @Test func `a doubled webhook, also at the same moment, credits once`() async throws {
        try await World.run { world in
            try await world.create(world.input())
            world.shop.pay("pay-1")
            let hint = world.notification("pay-1")
            let verdicts = try await world.handle(hint, hint, hint, hint, hint, hint, hint, hint)
            #expect(verdicts.map(\.verdict) == Array(repeating: .ok, count: 8))
            #expect(verdicts.map(\.id) == Array(1...8))
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            #expect(try await world.handle(hint).map(\.verdict) == [.ok])
            #expect(world.neighbours.creditCalls.count == 1)
            #expect(world.neighbours.factKinds == [.paymentSucceeded])
        }
    }

    @Test func `a lost webhook is made up for by the sweep`() async throws {
        try await World.run { world in
            let order = try await world.create(world.input())
            world.shop.pay("pay-1")
            world.clock.advance(by: .seconds(11))
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            #expect(try await world.order(order.orderID).state == .credited)
            #expect(world.neighbours.creditCalls.count == 1)
        }
    }

    @Test func `what the sweep gave up is found by the reconciliation`() async throws {
        // The mark of the first comparison is the database's own time.
        try await World.run(clock: ManualClock(WallClock.system.now + .seconds(1))) { world in
            let order = try await world.create(world.input())
            world.shop.cancel("pay-1")
            _ = try await world.handle(world.notification("pay-1", "payment.canceled"))
            await eventually { world.neighbours.factKinds == [.paymentCanceled] }
            world.shop.pay("pay-1")
            // The hour is counted from the end of the first comparison, so time goes on while we wait.
            await eventually(within: .seconds(20)) {
                world.clock.advance(by: .seconds(30))
                return world.neighbours.factKinds.last == .paymentSucceeded
            }
            #expect(world.neighbours.credits == ["yookassa:pay-1": 50_000])
            #expect(try await world.order(order.orderID).state == .credited)
        }
    }

    @Test func `a ledger that no order explains is noticed`() async throws {
        try await World.run(clock: ManualClock(WallClock.system.now + .seconds(1))) { world in
            try await world.create(world.input())
            world.shop.pay("pay-1")
            _ = try await world.handle(world.notification("pay-1"))
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            world.neighbours.state.withLock { $0.unexplained = 700 }
            await eventually(within: .seconds(20)) {
                world.clock.advance(by: .seconds(30))
                return world.service.log.contains("ledger and orders differ")
            }
            let metrics = String(decoding: world.service.runner.context.metrics.render(), as: UTF8.self)
            #expect(metrics.contains("atelier_payments_ledger_difference_kopecks{service=\"payments\"} 700"))
        }
    }

    @Test func `a notification about a payment that is not paid changes nothing`() async throws {
        try await World.run { world in
            let order = try await world.create(world.input())
            #expect(try await world.handle(world.notification("pay-1")).map(\.verdict) == [.ok])
            #expect(try await world.order(order.orderID).state == .pending)
            #expect(world.neighbours.creditCalls.isEmpty)
        }
    }

    @Test func `another amount, shop, currency or order is kept for the operator and credits nothing`() async throws {
        let forgeries: [(String, [String: JSONValue])] = [
            ("other_amount", ["amount": ["value": "1.00", "currency": "RUB"]]),
            ("other_currency", ["amount": ["value": "500.00", "currency": "KZT"]]),
            ("other_shop", ["recipient": ["account_id": "999999"]]),
            ("other_order", ["metadata": ["order_id": .string(OrderID().description)]]),
            ("test_payment", ["test": true]),
            ("succeeded_unpaid", ["paid": false]),
            ("refunded_before_credit", ["refunded_amount": ["value": "500.00", "currency": "RUB"]]),
        ]
        try await World.run { world in
            let order = try await world.create(world.input())
            world.shop.pay("pay-1")
            let honest = try #require(world.shop.state.withLock { $0.payments["pay-1"] })
            for (_, forgery) in forgeries {
                world.shop.state.withLock { $0.payments["pay-1"] = honest }
                world.shop.edit("pay-1", forgery)
                #expect(try await world.handle(world.notification("pay-1")).map(\.verdict) == [.ok])
            }
            #expect(try await world.strays() == forgeries.map(\.0).sorted())
            #expect(try await world.order(order.orderID).state == .pending)
            #expect(world.neighbours.creditCalls.isEmpty)
            world.shop.state.withLock { $0.payments["pay-1"] = honest }
            _ = try await world.handle(world.notification("pay-1"))
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            // Given back later: the order has been credited, and says so.
            world.shop.edit("pay-1", ["refunded_amount": ["value": "500.00", "currency": "RUB"]])
            _ = try await world.handle(world.notification("pay-1"))
            #expect(try await world.strays().count == forgeries.count)
        }
    }

    @Test func `a payment that our shop does not have, or that names no order, is kept`() async throws {
        try await World.run { world in
            try await world.create(world.input())
            #expect(try await world.handle(world.notification("35a66638-000f-5000-844c")).map(\.verdict) == [.ok])
            world.shop.edit("pay-1", ["id": "pay-1"])
            world.shop.state.withLock { state in
                var foreign = state.payments["pay-1"] ?? [:]
                foreign["id"] = "foreign"
                foreign["metadata"] = [:]
                foreign["status"] = "succeeded"
                state.payments["foreign"] = foreign
            }
            #expect(try await world.handle(world.notification("foreign")).map(\.verdict) == [.ok])
            #expect(try await world.strays() == ["unknown_order", "unknown_payment"])
            #expect(world.neighbours.creditCalls.isEmpty)
        }
    }

    @Test func `a second payment for one order is kept, not credited`() async throws {
        try await World.run { world in
            try await world.create(world.input())
            world.shop.pay("pay-1")
            world.shop.state.withLock { state in
                var twin = state.payments["pay-1"] ?? [:]
                twin["id"] = "twin"
                state.payments["twin"] = twin
            }
            _ = try await world.handle(world.notification("pay-1"), world.notification("twin"))
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            #expect(try await world.strays() == ["other_payment"])
            #expect(world.neighbours.credits == ["yookassa:pay-1": 50_000])
        }
    }

    @Test func `a provider that can't be asked now leaves the event with ingress`() async throws {
        try await World.run { world in
            try await world.create(world.input())
            world.shop.pay("pay-1")
            for status in [500, 429, 401] {
                world.shop.failReads(status)
                let verdict = try #require(try await world.handle(world.notification("pay-1")).first)
                #expect(verdict.verdict == .retry)
                #expect(verdict.retryAfterMs ?? 0 > 0)
            }
            #expect(world.neighbours.creditCalls.isEmpty)
        }
    }

    @Test func `a cancellation is told once`() async throws {
        try await World.run { world in
            let order = try await world.create(world.input())
            world.shop.cancel("pay-1")
            let hint = world.notification("pay-1", "payment.canceled")
            _ = try await world.handle(hint, hint)
            await eventually { world.neighbours.factKinds == [.paymentCanceled] }
            #expect(try await world.order(order.orderID).state == .canceled)
            #expect(world.neighbours.creditCalls.isEmpty)
        }
    }

    @Test func `a credit whose answer is lost is not credited twice`() async throws {
        try await World.run { world in
            world.neighbours.fail(.creditAndFail, .creditAndFail)
            try await world.create(world.input())
            world.shop.pay("pay-1")
            _ = try await world.handle(world.notification("pay-1"))
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            #expect(world.neighbours.creditCalls.count == 3)
            #expect(Set(world.neighbours.creditCalls.map(\.key)) == ["yookassa:pay-1"])
            #expect(world.neighbours.credits.count == 1)
        }
    }

    @Test func `a process that dies between credit and fact tells it when it is back`() async throws {
        let shop = try await ShopStub.start()
        let neighbours = try await Neighbours.start()
        neighbours.fail(.creditAndHang)
        let id = OrderID()
        try await World.run(shop: shop, neighbours: neighbours) { world in
            try await world.create(world.input(id))
            shop.pay("pay-1")
            _ = try await world.handle(world.notification("pay-1"))
            await eventually { neighbours.credits.count == 1 }
            #expect(try await world.order(id).state == .paid)
        }
        #expect(neighbours.facts.isEmpty)
        try await World.run(shop: shop, neighbours: neighbours) { world in
            await eventually { neighbours.factKinds == [.paymentSucceeded] }
            let order = try await world.order(id)
            #expect(order.state == .credited)
        }
        #expect(neighbours.credits == ["yookassa:pay-1": 50_000])
        await shop.stop()
        await neighbours.stop()
    }

    @Test func `a credit that billing refuses waits for the operator and is tried again`() async throws {
        try await World.run { world in
            world.neighbours.fail(.refuse(.accountFrozen))
            let order = try await world.create(world.input())
            world.shop.pay("pay-1")
            _ = try await world.handle(world.notification("pay-1"))
            await eventually { world.service.log.contains("command refused") }
            #expect(try await world.order(order.orderID).state == .paid)
            world.clock.advance(by: .seconds(601))
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            #expect(Set(world.neighbours.creditCalls.map(\.key)).count == 2)
            #expect(world.neighbours.credits.count == 1)
        }
    }

    @Test func `events that mean nothing here are acknowledged, unreadable ones rejected`() async throws {
        try await World.run { world in
            let verdicts = try await world.handle(
                (.yookassa, #"{"event":"payout.succeeded","object":{"id":"po-1"}}"#),
                (.yookassa, "{}"),
                (.telegram, #"{"update_id":1,"message":{"text":"x"}}"#),
                (.kie, "{}"),
                (.yookassa, #"{"event":"refund.succeeded","object":{"id":"r1","payment_id":"p1"}}"#),
                (.yookassa, #"{"event":"refund.succeeded","object":{"id":"r2","payment_id":"p1"}}"#)
            )
            #expect(verdicts.map(\.verdict) == [.ok, .reject, .ok, .reject, .ok, .ok])
            // A payment that went back in two parts.
            #expect(try await world.strays() == ["refunded", "refunded"])
        }
    }

    // MARK: Check

    @Test func `the check button finds the money`() async throws {
        try await World.run { world in
            let order = try await world.create(world.input())
            #expect(try await world.check(order.orderID).state == .pending)
            world.shop.pay("pay-1")
            // Pressed again at once: no second question to the provider.
            let reads = world.shop.reads
            #expect(try await world.check(order.orderID).state == .pending)
            #expect(world.shop.reads == reads)
            world.clock.advance(by: .seconds(3))
            #expect([Order.State.paid, .credited].contains(try await world.check(order.orderID).state))
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
        }
    }

    @Test(arguments: [500, 404, 401])
    func `a check that can't ask answers what is known, so that nothing waits behind it`(status: Int) async throws {
        try await World.run { world in
            let order = try await world.create(world.input())
            world.shop.failReads(status)
            world.clock.advance(by: .seconds(3))
            #expect(try await world.check(order.orderID).state == .pending)
            let unknown = await problem { try await world.check(OrderID()) }
            #expect(unknown?.code == .orderNotFound)
            let missing = await problem { try await world.order(OrderID()) }
            #expect(missing?.code == .orderNotFound)
        }
    }

    @Test func `health names the provider's mode and what is open`() async throws {
        try await World.run { world in
            try await world.create(world.input())
            let health = await world.service.runner.service.health()
            #expect(health["yookassa"] == "stand-in")
            #expect(health["open_orders"] == ["pending": 1])
            #expect(health["unresolved_strays"] == 0)
        }
    }
}
