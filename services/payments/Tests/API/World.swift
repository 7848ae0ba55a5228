import Concurrency
import Contracts
import HTTP
import Postgres
import ServiceKit
import TestSupport
import Time

@testable import PaymentsService

/// The payments service between stand-ins for YooKassa, billing, conversation and delivery.
struct World {
    let service: TestService<PaymentsService>
    let shop: ShopStub
    let neighbours: Neighbours
    let clock: ManualClock

    static let user: UserID = 7_012_345_678

    /// Starts everything, runs `body`, stops the service.
    static func run(
        shop: ShopStub? = nil,
        neighbours: Neighbours? = nil,
        clock: ManualClock = ManualClock(),
        environment: [String: String] = [:],
        _ body: (World) async throws -> Void
    ) async throws {
        let ownShop = try await ShopStub.start()
        let shop = shop ?? ownShop
        let ownNeighbours = try await Neighbours.start()
        let neighbours = neighbours ?? ownNeighbours
        var settings = [
            "ATELIER_YOOKASSA_API_URL": shop.url, "ATELIER_YOOKASSA_SHOP_ID": "512345",
            "ATELIER_YOOKASSA_SECRET_KEY": "live_key", "ATELIER_RETURN_URL": "https://t.me/bot",
            "ATELIER_YOOKASSA_REQUESTS_PER_SECOND": "50", "ATELIER_URL_BILLING": neighbours.url,
            "ATELIER_URL_CONVERSATION": neighbours.url, "ATELIER_URL_DELIVERY": neighbours.url,
        ]
        settings.merge(environment) { $1 }
        try await TestService<PaymentsService>.run(environment: settings, clock: clock.clock) { service in
            try await body(World(service: service, shop: shop, neighbours: neighbours, clock: clock))
        }
        await ownShop.stop()
        await ownNeighbours.stop()
    }

    // MARK: Calls

    func input(_ id: OrderID = OrderID(), amount: Int64 = 50_000, rail: PaymentRail = .yookassa) -> CreateOrder.Input {
        CreateOrder.Input(
            orderID: id,
            userID: Self.user,
            chatID: Self.user,
            amountKopecks: amount,
            rail: rail,
            description: "Пополнение"
        )
    }

    @discardableResult
    func create(_ input: CreateOrder.Input, key: String? = nil) async throws -> Order {
        try await service.client(as: .conversation).call(CreateOrder.self, input, key: key ?? "order:\(input.orderID)")
    }

    func order(_ id: OrderID) async throws -> Order {
        try await service.client(as: .conversation).call(GetOrder.self, parameters: .init(orderID: id))
    }

    func check(_ id: OrderID) async throws -> Order {
        try await service.client(as: .conversation).call(
            CheckOrder.self,
            parameters: .init(orderID: id),
            key: "check:\(id):\(OrderID())"
        )
    }

    /// Hands events over as ingress does.
    func handle(_ bodies: (EventSource, String)...) async throws -> [EventVerdict] {
        let events = bodies.enumerated().map { index, body in
            Event(
                id: Int64(index + 1),
                source: body.0,
                kind: "x",
                lane: "pay:\(index)",
                receivedAt: clock.now,
                body: body.1
            )
        }
        return try await service.client(as: .ingress).call(
            HandlePaymentEvents.self,
            EventBatch(events: events),
            key: "batch:\(OrderID())",
            timeout: .seconds(10)
        ).verdicts
    }

    /// A notification as YooKassa would send it; its content beyond the id must not matter.
    func notification(_ paymentID: String, _ name: String = "payment.succeeded") -> (EventSource, String) {
        let status = name.split(separator: ".").last ?? ""
        return (
            .yookassa,
            #"{"type":"notification","event":"\#(name)","object":{"id":"\#(paymentID)","status":"\#(status)"}}"#
        )
    }

    /// The reasons of all strays, sorted.
    func strays() async throws -> [String] {
        try await ScratchDatabase.current.database.query("select reason from stray_payment order by reason")
            .map { try $0.decode(String.self) }
    }
}

/// A shop at YooKassa: payments by idempotence key, paid and canceled at a word.
final class ShopStub: Sendable {
    struct State {
        var payments: [String: [String: JSONValue]] = [:]
        var byKey: [String: String] = [:]
        var creations: [(key: String, body: [UInt8])] = []
        var reads = 0
        /// Statuses to answer to the next creations, before or after taking them.
        var creationFaults: [Fault] = []
        var readFault: Int?
    }

    enum Fault {
        /// Nothing is created.
        case refuse(Int)
        /// The payment is created, the answer is this.
        case createAndSay(Int)
        /// The payment is created; there is no answer until the gate is opened.
        case createAndHang
    }

    let state = Locked(State())
    let gate = Wakeup()
    private let server = Locked<StubServer?>(nil)

    static func start() async throws -> ShopStub {
        let shop = ShopStub()
        let server = try await StubServer.start { request in try await shop.answer(request) }
        shop.server.withLock { $0 = server }
        return shop
    }

    var url: String { server.withLock { $0?.url ?? "" } }
    var creations: [(key: String, body: [UInt8])] { state.withLock { $0.creations } }
    var reads: Int { state.withLock { $0.reads } }
    /// The id of the only payment.
    var paymentID: String { state.withLock { $0.payments.keys.first ?? "" } }

    func stop() async {
        gate.ring()
        await server.withLock { $0 }?.stop()
    }

    func fail(_ faults: Fault...) { state.withLock { $0.creationFaults += faults } }
    func failReads(_ status: Int?) { state.withLock { $0.readFault = status } }

    /// Changes a payment as the buyer, the bank or a forger would.
    func edit(_ id: String, _ members: [String: JSONValue]) {
        state.withLock { $0.payments[id]?.merge(members) { $1 } }
    }

    func pay(_ id: String) {
        edit(id, ["status": "succeeded", "paid": true, "captured_at": "2026-11-20T18:41:07.915Z"])
    }

    func cancel(_ id: String) {
        edit(
            id,
            [
                "status": "canceled",
                "cancellation_details": ["party": "yoo_money", "reason": "expired_on_confirmation"],
            ]
        )
    }

    private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard request.fields["Authorization"] == "Basic NTEyMzQ1OmxpdmVfa2V5" else {
            return .json(401, Array(try Fixture.text("errors_invalid_credentials").utf8))
        }
        if request.method == .post { return try await create(request) }
        if request.path == "/payments" { return try list() }
        return try read(String(request.path.split(separator: "/").last ?? ""))
    }

    private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
        let key = request.fields["Idempotence-Key"] ?? ""
        let body = try ContractJSON.decode(JSONValue.self, from: request.body)
        let fault = state.withLock { state -> Fault? in
            state.creations.append((key, request.body))
            return state.creationFaults.isEmpty ? nil : state.creationFaults.removeFirst()
        }
        if case .refuse(let status) = fault { return .json(status, Array("{}".utf8)) }
        let payment = state.withLock { state -> [String: JSONValue] in
            let id = state.byKey[key] ?? "pay-\(state.payments.count + 1)"
            state.byKey[key] = id
            let made: [String: JSONValue] = [
                "id": .string(id), "status": "pending", "paid": false, "test": false,
                "amount": body["amount"] ?? .null, "metadata": body["metadata"] ?? .null,
                "recipient": ["account_id": "512345", "gateway_id": "1"], "created_at": "2026-11-20T18:40:00.123Z",
                "confirmation": [
                    "type": "redirect", "confirmation_url": .string("https://yoomoney.ru/checkout?orderId=\(id)"),
                ],
            ]
            let payment = state.payments[id] ?? made
            state.payments[id] = payment
            return payment
        }
        switch fault {
        case .createAndSay(let status): return .json(status, Array("{}".utf8))
        case .createAndHang:
            await gate.wait()
            return .json(500, Array("{}".utf8))
        default: return .json(200, try ContractJSON.encode(JSONValue.object(payment)))
        }
    }

    private func read(_ id: String) throws -> HTTPResponse {
        let (payment, fault) = state.withLock { state in
            state.reads += 1
            return (state.payments[id], state.readFault)
        }
        if let fault { return .json(fault, Array("{}".utf8)) }
        guard let payment else { return .json(404, Array(try Fixture.text("errors_not_found").utf8)) }
        return .json(200, try ContractJSON.encode(JSONValue.object(payment)))
    }

    private func list() throws -> HTTPResponse {
        let items = state.withLock { $0.payments.values.filter { $0["status"] == "succeeded" } }
        let page: JSONValue = ["type": "list", "items": .array(items.map { .object($0) })]
        return .json(200, try ContractJSON.encode(page))
    }
}

/// Billing, conversation and delivery behind one address, as their contracts say.
final class Neighbours: Sendable {
    struct State {
        /// Kopecks by (source, reference): billing credits each once.
        var credits: [String: Int64] = [:]
        var creditCalls: [(key: String, input: Credit.Input)] = []
        var facts: [Fact] = []
        var factIDs: Set<FactID> = []
        var preCheckouts: [AnswerPreCheckout.Input] = []
        /// Kopecks in the ledger that no order explains.
        var unexplained: Int64 = 0
        /// What billing does with the next credits.
        var faults: [Fault] = []
    }

    enum Fault {
        /// Credits, but the answer is lost until the gate is opened.
        case creditAndHang
        case refuse(ProblemCode)
        /// Credits and answers 500.
        case creditAndFail
    }

    let state = Locked(State())
    let gate = Wakeup()
    private let server = Locked<StubServer?>(nil)

    static func start() async throws -> Neighbours {
        let neighbours = Neighbours()
        let server = try await StubServer.start { request in try await neighbours.answer(request) }
        neighbours.server.withLock { $0 = server }
        return neighbours
    }

    var url: String { server.withLock { $0?.url ?? "" } }
    var credits: [String: Int64] { state.withLock { $0.credits } }
    var creditCalls: [(key: String, input: Credit.Input)] { state.withLock { $0.creditCalls } }
    /// Distinct facts, in the order of their first arrival.
    var facts: [Fact] { state.withLock { $0.facts } }
    var factKinds: [FactKind] { facts.map(\.kind) }
    var preCheckouts: [AnswerPreCheckout.Input] { state.withLock { $0.preCheckouts } }

    func fail(_ faults: Fault...) { state.withLock { $0.faults += faults } }

    func stop() async {
        gate.ring()
        await server.withLock { $0 }?.stop()
    }

    private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        switch request.path {
        case Credit.path: return try await credit(request)
        case GetTrialBalance.path:
            let total = credits.values.reduce(0, +) + state.withLock { $0.unexplained }
            let balance = GetTrialBalance.Output(
                sumKopecks: 0,
                accounts: ["user": total, "yookassa": -total],
                heldKopecks: 0,
                liveHolds: 0
            )
            return .json(200, try ContractJSON.encode(balance))
        case ReportFact.path:
            let fact = try ContractJSON.decode(Fact.self, from: request.body)
            state.withLock { state in
                if state.factIDs.insert(fact.factID).inserted { state.facts.append(fact) }
            }
            return .json(200, Array("{}".utf8))
        case AnswerPreCheckout.path:
            let input = try ContractJSON.decode(AnswerPreCheckout.Input.self, from: request.body)
            state.withLock { $0.preCheckouts.append(input) }
            return .json(200, Array("{}".utf8))
        default: return .text(404, "no such route")
        }
    }

    private func credit(_ request: HTTPRequest) async throws -> HTTPResponse {
        let input = try ContractJSON.decode(Credit.Input.self, from: request.body)
        let (total, fault) = state.withLock { state -> (Int64, Fault?) in
            let fault = state.faults.isEmpty ? nil : state.faults.removeFirst()
            state.creditCalls.append((request.fields["Idempotency-Key"] ?? "", input))
            if case .refuse = fault { return (0, fault) }
            state.credits["\(input.source.rawValue):\(input.reference)"] = input.amountKopecks
            return (state.credits.values.reduce(0, +), fault)
        }
        switch fault {
        case .refuse(let code):
            return .json(code.status, try ContractJSON.encode(Problem(code)))
        case .creditAndFail:
            return .json(500, try ContractJSON.encode(Problem(.internalError)))
        case .creditAndHang:
            await gate.wait()
            return .json(500, try ContractJSON.encode(Problem(.internalError)))
        case nil: break
        }
        let balance = Balance(
            userID: input.userID,
            postedKopecks: total,
            heldKopecks: 0,
            availableKopecks: total,
            paidKopecks: total,
            bonusKopecks: 0,
            isFrozen: false
        )
        return .json(201, try ContractJSON.encode(CreditState(amountKopecks: input.amountKopecks, balance: balance)))
    }
}

/// The problem that a call ends with.
func problem(_ body: () async throws -> some Any) async -> Problem? {
    do {
        _ = try await body()
        return nil
    } catch {
        return (error as? CallError)?.problem
    }
}
