internal import Concurrency
internal import Configuration
internal import Contracts
internal import Cryptography
internal import HTTP
internal import HTTPClient

/// The YooKassa stand-in: payments, refunds, notifications.
final class YooKassaDesk: Sendable {
    let tools: Tools
    private let state: Locked<YooKassaState>

    init(tools: Tools) {
        self.tools = tools
        var state = YooKassaState()
        state.payments = tools.journal.records(.payment, as: YooKassaPayment.self)
        state.refunds = tools.journal.records(.refund, as: YooKassaRefund.self)
        state.keys = tools.journal.records(.idempotence, as: YooKassaKey.self)
        state.notices = tools.journal.records(.notice, as: YooKassaNotice.self)
        self.state = Locked(state)
    }

    /// Takes up what was under way when the sandbox stopped.
    func resume() {
        let (notices, payments) = state.withLock { (Array($0.notices.values), Array($0.payments.values)) }
        for notice in notices { tools.errands.start { [self] in await deliver(notice) } }
        for payment in payments where payment.status == .pending { expireLater(payment) }
    }

    func reset() {
        state.withLock { $0 = YooKassaState() }
    }

    func read<Value: Sendable>(_ body: (YooKassaState) throws -> Value) rethrows -> Value {
        try state.withLock { try body($0) }
    }

    /// Reads and expires a payment.
    func payment(_ id: String) -> YooKassaPayment? {
        change(id) { _ in }
    }

    /// Changes a payment, keeps it, and tells the shop of a new status.
    @discardableResult
    func change(_ id: String, _ body: (inout YooKassaPayment) -> Void) -> YooKassaPayment? {
        let now = tools.milliseconds
        let (before, after) = state.withLock { state -> (YooKassaPayment?, YooKassaPayment?) in
            guard var payment = state.payments[id] else { return (nil, nil) }
            let before = payment
            _ = payment.expire(at: now)
            body(&payment)
            state.payments[id] = payment
            return (before, payment)
        }
        guard let before, let after, before != after else { return after }
        tools.journal.put(.payment, id, after)
        tools.feed.changed()
        if before.status != after.status { tell(of: after) }
        return after
    }

    private func tell(of payment: YooKassaPayment) {
        switch payment.status {
        case .pending: return
        case .waitingForCapture: notify("payment.waiting_for_capture", payment.json(shop: shop), about: payment.id)
        case .succeeded: notify("payment.succeeded", payment.json(shop: shop), about: payment.id)
        case .canceled: notify("payment.canceled", payment.json(shop: shop), about: payment.id)
        }
    }

    var shop: String { tools.configuration.yookassaShop }

    // MARK: Calls

    /// Every `/yookassa/v3/…` call.
    func call(_ request: HTTPRequest, _ operation: YooKassaOperation) async -> HTTPResponse {
        do throws(YooKassaRefusal) {
            try authorize(request)
            if tools.faults.take(.yookassaLimit, subject: request.path) != nil { throw .tooMany }
            return try await perform(operation, request)
        } catch {
            return .json(error.json(id: Self.newID("e")), status: error.status)
        }
    }

    private func authorize(_ request: HTTPRequest) throws(YooKassaRefusal) {
        let configuration = tools.configuration
        let wanted = Base64.encode(Array("\(configuration.yookassaShop):\(configuration.yookassaSecret.text)".utf8))
        let offered = request.fields["Authorization"] ?? ""
        guard constantTimeEquals(Array(offered.utf8), Array("Basic \(wanted)".utf8)) else { throw .unauthorized }
    }

    private func perform(_ operation: YooKassaOperation, _ request: HTTPRequest) async throws(YooKassaRefusal)
        -> HTTPResponse
    {
        let id = request.parameters["id"] ?? ""
        switch operation {
        case .createPayment: return try await create(request)
        case .readPayment:
            if tools.faults.take(.yookassaReadServer, subject: id) != nil { throw .internalError }
            guard let payment = payment(id) else { throw .notFound("Payment") }
            return .json(payment.json(shop: shop))
        case .listPayments: return try list(request)
        case .capturePayment:
            return try settle(request, id) { payment, now in
                payment.status = .succeeded
                payment.settledAt = now
            }
        case .cancelPayment:
            return try settle(request, id) { payment, now in
                payment.cancel(party: "merchant", reason: "canceled_by_merchant", at: now)
            }
        case .createRefund: return try refund(request)
        case .readRefund:
            guard let refund = read({ $0.refunds[id] }) else { throw .notFound("Refund") }
            return .json(refund.json)
        case .listRefunds: return try listRefunds(request)
        case .readShop:
            return .json([
                "account_id": .string(shop), "test": true, "fiscalization_enabled": false,
                "payment_methods": ["bank_card", "yoo_money", "sbp"], "status": "enabled",
            ])
        }
    }

    /// Reads a POST: JSON type, JSON object, idempotence key.
    private func readBody(_ request: HTTPRequest) throws(YooKassaRefusal) -> (
        body: JSONValue, key: String, fingerprint: String
    ) {
        let key = try YooKassaState.check(key: request.fields["Idempotence-Key"])
        let type = request.fields["Content-Type"]?.lowercased() ?? ""
        guard type.hasPrefix("application/json") else {
            throw YooKassaRefusal(status: 415, code: "invalid_request", description: "Content type is not JSON")
        }
        // An empty body is an empty object; what else is wrong with it helps nobody.
        guard let body = request.body.isEmpty ? .object([:]) : try? JSONText.parse(request.body), body.object != nil
        else {
            throw .invalid("Request body is not valid JSON")
        }
        let text = "\(request.method.rawValue) \(request.path) \(JSONText.write(body))"
        return (body, key, Hex.encode(SHA256.hash(text)))
    }

    private func create(_ request: HTTPRequest) async throws(YooKassaRefusal) -> HTTPResponse {
        let (body, key, fingerprint) = try readBody(request)
        if tools.faults.take(.yookassaCreateServer) != nil { throw .internalError }
        let now = tools.milliseconds
        let id = Self.newID("2")
        let pay = request.origin + "/yookassa/pay"
        let (payment, isNew) = try changing { state throws(YooKassaRefusal) in
            if let known = try state.replay(key, fingerprint: fingerprint, at: now), let payment = state.payments[known]
            {
                return (payment, false)
            }
            guard state.payments.count < YooKassaState.maximumPayments else { throw .internalError }
            let payment = try YooKassaState.payment(body, id: id, pay: pay, at: now)
            state.payments[id] = payment
            state.keys[key] = YooKassaKey(fingerprint: fingerprint, object: id, at: now)
            return (payment, true)
        }
        if isNew {
            keep(payment, key: key, fingerprint: fingerprint, at: now)
            if payment.status != .pending { tell(of: payment) }
            if payment.status == .pending { expireLater(payment) }
            if tools.currentSettings.yookassaAutopay { self.pay(payment.id, as: .paid) }
        }
        if tools.faults.take(.yookassaCreateUnknown) != nil { throw .internalError }
        if tools.faults.take(.yookassaCreateLostAnswer) != nil {
            _ = await tools.pause(60)
            throw .internalError
        }
        return .json((self.payment(payment.id) ?? payment).json(shop: shop))
    }

    private func keep(_ payment: YooKassaPayment, key: String, fingerprint: String, at now: Int64) {
        tools.journal.put(.payment, payment.id, payment)
        tools.journal.put(.idempotence, key, YooKassaKey(fingerprint: fingerprint, object: payment.id, at: now))
        tools.feed.changed()
    }

    /// Keeps a notification until it is delivered.
    func keep(_ notice: YooKassaNotice) {
        state.withLock { $0.notices[notice.id] = notice }
        tools.journal.put(.notice, notice.id, notice)
    }

    func forget(_ notice: YooKassaNotice) {
        state.withLock { $0.notices[notice.id] = nil }
        tools.journal.remove(.notice, notice.id)
    }

    private func changing<Value: Sendable>(
        _ body: (inout YooKassaState) throws(YooKassaRefusal) -> Value
    ) throws(YooKassaRefusal) -> Value {
        let result: Result<Value, YooKassaRefusal> = state.withLock { state in
            do throws(YooKassaRefusal) {
                return .success(try body(&state))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func settle(
        _ request: HTTPRequest,
        _ id: String,
        _ settle: (inout YooKassaPayment, Int64) -> Void
    ) throws(YooKassaRefusal) -> HTTPResponse {
        _ = try readBody(request)
        guard let payment = payment(id) else { throw .notFound("Payment") }
        guard payment.status == .waitingForCapture else {
            throw .invalid("Payment is in another status", parameter: "payment_id")
        }
        let now = tools.milliseconds
        let changed = change(id) { settle(&$0, now) }
        return .json((changed ?? payment).json(shop: shop))
    }

    private func refund(_ request: HTTPRequest) throws(YooKassaRefusal) -> HTTPResponse {
        let (body, key, fingerprint) = try readBody(request)
        let now = tools.milliseconds
        let id = Self.newID("3")
        let (refund, isNew) = try changing { state throws(YooKassaRefusal) in
            if let known = try state.replay(key, fingerprint: fingerprint, at: now), let refund = state.refunds[known] {
                return (refund, false)
            }
            let refund = try state.refund(body, id: id, at: now)
            state.add(refund)
            state.keys[key] = YooKassaKey(fingerprint: fingerprint, object: id, at: now)
            return (refund, true)
        }
        if isNew {
            tools.journal.put(.refund, refund.id, refund)
            tools.journal.put(.idempotence, key, YooKassaKey(fingerprint: fingerprint, object: id, at: now))
            tools.journal.put(.payment, refund.payment, read { $0.payments[refund.payment] })
            notify("refund.succeeded", refund.json, about: refund.id)
            tools.feed.changed()
        }
        if tools.faults.take(.yookassaRefundUnknown) != nil { throw .internalError }
        return .json(refund.json)
    }

    private func list(_ request: HTTPRequest) throws(YooKassaRefusal) -> HTTPResponse {
        for id in read({ Array($0.payments.keys) }) { _ = payment(id) }
        let rows = read { state in
            state.payments.values.map {
                ($0.json(shop: shop), $0.id, $0.createdAt, $0.status == .succeeded ? $0.settledAt : nil)
            }
        }
        return .json(try YooKassaList.page(rows, query: try query(request)))
    }

    private func listRefunds(_ request: HTTPRequest) throws(YooKassaRefusal) -> HTTPResponse {
        let rows = read { state in state.refunds.values.map { ($0.json, $0.id, $0.createdAt, Int64?.none) } }
        return .json(try YooKassaList.page(rows, query: try query(request)))
    }

    private func query(_ request: HTTPRequest) throws(YooKassaRefusal) -> Parameters {
        do {
            return try Parameters(query: request.queryText, contentType: "", body: [])
        } catch {
            throw .invalid("Incorrect query")
        }
    }

    /// 36 characters, UUID-like, as YooKassa's ids are.
    static func newID(_ first: Character) -> String {
        let hex = Tools.randomHex(32)
        let parts = [(0, 8), (8, 4), (12, 4), (16, 4), (20, 12)].map { start, count in
            hex.dropFirst(start).prefix(count)
        }
        return String(first) + parts.joined(separator: "-").dropFirst()
    }
}

/// The calls that the YooKassa stand-in knows.
enum YooKassaOperation: Sendable {
    case createPayment, readPayment, listPayments, capturePayment, cancelPayment
    case createRefund, readRefund, listRefunds, readShop
}
