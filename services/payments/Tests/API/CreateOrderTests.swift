import Concurrency
import Contracts
import ServiceKit
import TestSupport
import Testing
import Time

@testable import PaymentsService

@Suite(.scratchDatabase(migrations: "services/payments/migrations")) struct CreateOrderTests {
    @Test func `an order can be paid at once`() async throws {
        try await World.run { world in
            let input = world.input()
            let order = try await world.create(input)
            #expect(order.state == .pending)
            #expect(order.payURL == "https://yoomoney.ru/checkout?orderId=pay-1")
            #expect(order.expiresAt - order.createdAt == .seconds(3_600))
            let creation = try #require(world.shop.creations.first)
            #expect(creation.key == input.orderID.description)
            let body = try ContractJSON.decode(JSONValue.self, from: creation.body)
            #expect(body["amount"]?["value"] == "500.00")
            #expect(body["capture"] == true)
            #expect(body["metadata"]?["order_id"]?.string == input.orderID.description)
            #expect(try await world.order(input.orderID) == order)
            #expect(world.neighbours.facts.isEmpty)
        }
    }

    @Test func `the same order asked again is the same order, with one payment`() async throws {
        try await World.run { world in
            let input = world.input()
            let order = try await world.create(input)
            #expect(try await world.create(input) == order)
            #expect(try await world.create(input, key: "another-key") == order)
            #expect(world.shop.creations.count == 1)
        }
    }

    @Test func `twenty at once make one order`() async throws {
        try await World.run { world in
            let input = world.input()
            let orders = await withTaskGroup(of: Order?.self) { group in
                for _ in 0..<20 { group.addTask { try? await world.create(input) } }
                return await group.reduce(into: [Order?]()) { $0.append($1) }
            }
            #expect(orders.allSatisfy { $0?.orderID == input.orderID })
            #expect(world.shop.creations.count == 1)
        }
    }

    @Test func `a key or an order id with other content is refused`() async throws {
        try await World.run { world in
            let input = world.input()
            try await world.create(input, key: "k")
            let sameOrder = await problem {
                try await world.create(world.input(input.orderID, amount: 60_000), key: "k2")
            }
            #expect(sameOrder?.code == .idempotencyMismatch)
            let sameKey = await problem { try await world.create(world.input(), key: "k") }
            #expect(sameKey?.code == .idempotencyMismatch)
            #expect(world.shop.creations.count == 1)
        }
    }

    @Test(arguments: [9_999, 1_500_001])
    func `an amount out of range is refused with the range`(amount: Int64) async throws {
        try await World.run { world in
            let problem = await problem { try await world.create(world.input(amount: amount)) }
            #expect(problem?.code == .amountOutOfRange)
            #expect(problem?.members["minimum_kopecks"] == 10_000)
            #expect(problem?.members["maximum_kopecks"] == 1_500_000)
            #expect(world.shop.creations.isEmpty)
        }
    }

    @Test func `stars are not offered yet, roubles only with a shop`() async throws {
        try await World.run { world in
            let stars = await problem { try await world.create(world.input(rail: .stars)) }
            #expect(stars?.code == .paymentMethodUnavailable)
        }
        let none = ["ATELIER_YOOKASSA_SHOP_ID": "", "ATELIER_YOOKASSA_SECRET_KEY": ""]
        try await World.run(environment: none) { world in
            let options = try await world.service.client(as: .conversation).call(GetPaymentOptions.self)
            #expect(options.rails.isEmpty)
            let roubles = await problem { try await world.create(world.input()) }
            #expect(roubles?.code == .paymentMethodUnavailable)
        }
    }

    @Test func `the options say rails, amounts and limits`() async throws {
        try await World.run(environment: ["ATELIER_TOP_UP_MAXIMUM_KOPECKS": "50000"]) { world in
            let options = try await world.service.client(as: .conversation).call(GetPaymentOptions.self)
            #expect(options.rails == [.yookassa])
            #expect(options.amountsKopecks == [10_000, 30_000, 50_000])
            #expect(options.maximumKopecks == 50_000)
        }
    }

    @Test func `a 500 is repeated with the same key and bytes, and the user is told`() async throws {
        try await World.run { world in
            world.shop.fail(.createAndSay(500), .refuse(502), .refuse(429))
            let input = world.input()
            let order = try await world.create(input)
            #expect(order.state == .creating)
            #expect(order.payURL == nil)
            // The pauses are counted from each answer, so time goes on while we wait.
            await eventually(within: .seconds(15)) {
                world.clock.advance(by: .milliseconds(300))
                return world.neighbours.factKinds == [.orderReady]
            }
            #expect(world.shop.creations.count == 4)
            #expect(Set(world.shop.creations.map(\.key)) == [input.orderID.description])
            #expect(Set(world.shop.creations.map(\.body)).count == 1)
            #expect(world.shop.state.withLock { $0.payments.count } == 1)
            let ready = try #require(world.neighbours.facts.first?.order)
            #expect(ready.state == .pending)
            #expect(ready.payURL != nil)
        }
    }

    @Test func `a provider that hangs costs the caller three seconds at most`() async throws {
        try await World.run { world in
            world.shop.fail(.createAndHang)
            let input = world.input()
            let started = Deadline.monotonicNow()
            let order = try await world.create(input)
            #expect(Deadline.monotonicNow() - started < 3_000_000_000)
            #expect(order.state == .creating)
            world.clock.advance(by: .seconds(10))
            await eventually { world.neighbours.factKinds == [.orderReady] }
            #expect(world.shop.state.withLock { $0.payments.count } == 1)
        }
    }

    @Test func `a process that dies while creating is healed by the next one`() async throws {
        let shop = try await ShopStub.start()
        let clock = ManualClock()
        let neighbours = try await Neighbours.start()
        shop.fail(.createAndHang)
        let id = OrderID()
        try await World.run(shop: shop, neighbours: neighbours, clock: clock) { world in
            _ = try? await world.create(world.input(id))  // The process stops while the provider hangs.
        }
        clock.advance(by: .seconds(9))  // Lease and poll: the bound on how long a crash is felt.
        try await World.run(shop: shop, neighbours: neighbours, clock: clock) { world in
            try await eventually { try await world.order(id).state == .pending }
            await eventually { neighbours.factKinds == [.orderReady] }
        }
        #expect(shop.state.withLock { $0.payments.count } == 1)
        #expect(Set(shop.creations.map(\.body)).count == 1)
        await shop.stop()
        await neighbours.stop()
    }

    @Test func `a refusal of the provider is said, remembered and told`() async throws {
        try await World.run { world in
            world.shop.fail(.refuse(400))
            let input = world.input()
            let first = await problem { try await world.create(input) }
            #expect(first?.code == .paymentMethodUnavailable)
            let second = await problem { try await world.create(input) }
            #expect(second?.code == .paymentMethodUnavailable)
            #expect(world.shop.creations.count == 1)
            let order = try await world.order(input.orderID)
            #expect(order.state == .canceled)
        }
    }

    @Test func `wrong credentials stop the rail and say so`() async throws {
        try await World.run(environment: ["ATELIER_YOOKASSA_SECRET_KEY": "live_wrong"]) { world in
            let refused = await problem { try await world.create(world.input()) }
            #expect(refused?.code == .paymentMethodUnavailable)
            let options = try await world.service.client(as: .conversation).call(GetPaymentOptions.self)
            #expect(options.rails.isEmpty)
            _ = await problem { try await world.create(world.input()) }
            #expect(world.service.log.contains("yookassa rejects our credentials"))
            #expect(world.service.log.lines.count { $0.contains("yookassa rejects our credentials") } == 1)
        }
    }

    @Test func `a creation that is never answered ends, and late money still counts`() async throws {
        try await World.run { world in
            world.shop.fail(.createAndSay(500))
            let input = world.input()
            try await world.create(input)
            world.clock.advance(by: .seconds(3_601))
            await eventually { world.neighbours.factKinds == [.paymentCanceled] }
            world.shop.pay(world.shop.paymentID)
            #expect(try await world.handle(world.notification("pay-1")).map(\.verdict) == [.ok])
            await eventually { world.neighbours.factKinds == [.paymentCanceled, .paymentSucceeded] }
            #expect(world.neighbours.credits == ["yookassa:pay-1": 50_000])
        }
    }
}
