internal import Concurrency
internal import Contracts
internal import Cryptography
internal import HTTP
internal import HTTPClient

/// The control API under `/sandbox`: what a person, a test or the chat page does with the stand-ins.
final class ControlDesk: Sendable {
    let tools: Tools
    let telegram: TelegramDesk
    let kie: KieDesk
    let yookassa: YooKassaDesk

    init(tools: Tools, telegram: TelegramDesk, kie: KieDesk, yookassa: YooKassaDesk) {
        self.tools = tools
        self.telegram = telegram
        self.kie = kie
        self.yookassa = yookassa
    }

    /// A request that cannot be carried out; the text says what would be right.
    struct BadRequest: Error {
        let text: String
    }

    /// Runs a handler and turns refusals into 400 with a plain text.
    func guarded(_ body: () async throws -> JSONValue) async -> HTTPResponse {
        do {
            return .json(try await body())
        } catch let error as BadRequest {
            return .json(["error": .string(error.text)], status: 400)
        } catch let error as TelegramState.Refusal {
            return .json(["error": .string(error.text)], status: 400)
        } catch let error as TelegramError {
            return .json(["error": .string(error.description)], status: 400)
        } catch {
            return .json(["error": .string("\(error)")], status: 500)
        }
    }

    func parameters(_ request: HTTPRequest) throws -> Parameters {
        do {
            return try request.readParameters()
        } catch {
            throw BadRequest(text: "the body is neither JSON nor a form")
        }
    }

    // MARK: Faults and settings

    /// `POST /sandbox/faults` `{kind, count?, match?, delay?, value?}`.
    func orderFault(_ request: HTTPRequest) async -> HTTPResponse {
        await guarded {
            let parameters = try parameters(request)
            guard let kind = parameters.text("kind").flatMap(FaultKind.init) else {
                let kinds = FaultKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw BadRequest(text: "kind must be one of: \(kinds)")
            }
            let count = parameters.integer("count") ?? 1
            guard (1...1_000_000).contains(count) else { throw BadRequest(text: "count must be 1 to 1000000") }
            let fault = Fault(
                kind: kind,
                remaining: Int(count),
                match: parameters.text("match"),
                delay: parameters.text("delay").flatMap(Double.init),
                value: parameters.integer("value").map(Int.init)
            )
            guard tools.faults.order(fault) else { throw BadRequest(text: "too many faults wait already") }
            return ["ok": true, "waiting": .array(tools.faults.waiting.map(\.json))]
        }
    }

    func faults() -> HTTPResponse {
        .json([
            "kinds": .array(FaultKind.allCases.map { .string($0.rawValue) }),
            "waiting": .array(tools.faults.waiting.map(\.json)),
        ])
    }

    func clearFaults() -> HTTPResponse {
        tools.faults.clear()
        return .json(["ok": true])
    }

    /// `POST /sandbox/settings`: any members of `Settings`, and `kie_balance`.
    func changeSettings(_ request: HTTPRequest) async -> HTTPResponse {
        await guarded {
            var members = try parameters(request).values
            if let balance = members.removeValue(forKey: "kie_balance") {
                guard let credits = balance.number else { throw BadRequest(text: "kie_balance must be a number") }
                kie.setBalance(credits)
            }
            let changes = members
            let wrong = tools.settings.withLock { settings -> String? in
                var changed = settings
                if let wrong = changed.update(changes) { return wrong }
                settings = changed
                return nil
            }
            if let wrong { throw BadRequest(text: "\(wrong) is unknown or has a wrong value") }
            return settingsJSON
        }
    }

    func settings() -> HTTPResponse { .json(settingsJSON) }

    private var settingsJSON: JSONValue {
        tools.currentSettings.json.merging(["kie_balance": .number(kie.state.withLock { $0.balance })])
    }

    /// `POST /sandbox/reset`: forgets everything but the webhook and the settings.
    func reset() -> HTTPResponse {
        tools.journal.clear()
        tools.blobs.clear()
        tools.faults.clear()
        tools.calls.clear()
        kie.reset()
        yookassa.reset()
        telegram.reset()
        return .json(["ok": true])
    }

    // MARK: Looking

    /// `GET /sandbox/calls?provider=&operation=&direction=&limit=`.
    func calls(_ request: HTTPRequest) -> HTTPResponse {
        let query = request.query
        let limit = min(CallLog.capacity, max(1, query["limit"].flatMap { Int($0) } ?? 200))
        let (total, entries) = tools.calls.entries(limit: limit) { entry in
            (query["provider"].map { entry.provider == $0 } ?? true)
                && (query["direction"].map { entry.direction == $0 } ?? true)
                && (query["operation"].map { entry.operation.contains($0) } ?? true)
        }
        return .json(["total": total.json, "calls": .array(entries.map(\.json))])
    }

    /// `GET /sandbox/kie/tasks?limit=`: newest last.
    func tasks(_ request: HTTPRequest) -> HTTPResponse {
        let limit = min(10_000, max(1, request.query["limit"].flatMap { Int($0) } ?? 200))
        let (tasks, count, balance) = kie.state.withLock { state in
            (state.order.suffix(limit).compactMap { state.tasks[$0] }, state.order.count, state.balance)
        }
        return .json([
            "count": count.json, "balance": .number(balance), "tasks": .array(tasks.map(Self.json)),
        ])
    }

    private static func json(_ task: KieTask) -> JSONValue {
        .members([
            "task_id": .string(task.id), "model": .string(task.model), "state": .string(task.state.rawValue),
            "input": .object(task.input), "ignored": .array(task.ignored.map { .string($0) }),
            "callback_url": task.callbackURL?.json, "created_at": task.createdAt.json,
            "completed_at": task.completedAt?.json, "credits": .number(task.cost), "fail_code": task.failCode?.json,
            "fail_message": task.failMessage?.json, "ending": .string(task.script.ending.rawValue),
            "callback": .string(task.script.callback.rawValue), "is_told_off": .bool(task.isToldOff),
            "files": .array(task.files.map { .string("/kie/files/\(task.id)/\($0.name)") }),
            "sources": .array(
                task.sources.map {
                    .members([
                        "field": .string($0.field), "url": .string($0.url), "sha256": $0.sha256?.json,
                        "bytes": $0.bytes.json,
                    ])
                }
            ),
            "deliveries": .array(
                task.deliveries.map { ["at": $0.at.json, "status": $0.status.json, "note": .string($0.note)] }
            ),
        ])
    }

    /// `GET /sandbox/yookassa/payments`: newest last, with refunds and waiting notifications.
    func payments() -> HTTPResponse {
        let shop = yookassa.shop
        return yookassa.read { state in
            .json([
                "payments": .array(
                    state.payments.values.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
                        .map { $0.json(shop: shop) }
                ),
                "refunds": .array(state.refunds.values.sorted { $0.createdAt < $1.createdAt }.map(\.json)),
                "notices": .array(
                    state.notices.values.sorted { $0.createdAt < $1.createdAt }.map {
                        ["event": .string($0.event), "attempts": $0.attempts.json, "created_at": $0.createdAt.json]
                    }
                ),
            ])
        }
    }

    /// `POST /sandbox/pay/{id}` `{result?: paid|declined|cancelled, reason?, notify_again?}`.
    func pay(_ request: HTTPRequest) async -> HTTPResponse {
        await guarded {
            let id = request.parameters["id"] ?? ""
            let parameters = try parameters(request)
            guard let known = yookassa.payment(id) else { throw BadRequest(text: "unknown payment") }
            if parameters.flag("notify_again") {
                yookassa.notify("payment.\(known.status.rawValue)", known.json(shop: yookassa.shop), about: id)
                return known.json(shop: yookassa.shop)
            }
            guard let decision = YooKassaDesk.Decision(rawValue: parameters.text("result") ?? "paid") else {
                throw BadRequest(text: "result must be paid, declined or cancelled")
            }
            let payment = yookassa.pay(id, as: decision, reason: parameters.text("reason")) ?? known
            return payment.json(shop: yookassa.shop)
        }
    }
}
