internal import Concurrency
internal import Configuration
internal import Contracts
internal import Cryptography
internal import HTTP

/// The KIE stand-in's calls: tasks, their records, credits.
final class KieDesk: Sendable {
    let tools: Tools
    let state: Locked<KieState>

    init(tools: Tools) {
        self.tools = tools
        let tasks = tools.journal.records(.task, as: KieTask.self)
        let uploads = tools.journal.records(.upload, as: KieUpload.self)
        let balance = tools.journal.records(.balance, as: Double.self)["kie"]
        state = Locked(KieState(tasks: tasks, uploads: uploads, balance: balance ?? KieState.initialBalance))
    }

    /// Takes up what was under way when the sandbox stopped.
    func resume() {
        for task in state.withLock({ Array($0.tasks.values) }) where !task.isToldOff {
            tools.errands.start { [self] in await finish(task.id) }
        }
    }

    func reset() {
        state.withLock { $0 = KieState() }
    }

    func setBalance(_ credits: Double) {
        state.withLock { $0.balance = credits }
        tools.journal.put(.balance, "kie", credits)
    }

    /// `POST /api/v1/jobs/createTask`.
    ///
    /// - Parameter creation: The create call of a family; nil for the common one.
    func createTask(_ request: HTTPRequest, _ creation: KieFamily.Creation? = nil) async throws -> HTTPResponse {
        if let refusal = gate(request) { return refusal }
        do {
            let task = try admit(request, creation)
            switch task.script.creation {
            case .lostAnswer:
                begin(task)
                return await silence()
            case .answered where task.script.callback == .early:
                begin(task, isEarly: true)
                await finish(task.id)
            default:
                begin(task)
            }
            guard task.family == nil else { return Self.envelope(["taskId": .string(task.id)]) }
            return Self.envelope(["taskId": .string(task.id), "recordId": .string(task.id)])
        } catch let refusal as KieRefusal {
            return Self.envelope(refusal)
        } catch let failure as KieCreationFault {
            switch failure {
            case .gateway: return .gatewayPage(502, "Bad Gateway")
            case .hang: return await silence()
            }
        }
    }

    /// `GET /api/v1/jobs/recordInfo`.
    ///
    /// - Parameter family: Whose record is asked for; nil for the common one.
    func recordInfo(_ request: HTTPRequest, _ family: KieFamily? = nil) -> HTTPResponse {
        if let refusal = gate(request) { return refusal }
        guard let id = request.query["taskId"], !id.isEmpty else {
            return Self.envelope(KieRefusal(code: 400, message: "taskId cannot be empty"))
        }
        let now = tools.milliseconds
        let settings = tools.currentSettings
        guard !settings.kieLimits || state.withLock({ $0.admitPoll(of: id, at: now) }) else {
            return Self.envelope(.tooFast)
        }
        if tools.faults.take(.kieRecordServer, subject: id) != nil {
            return Self.envelope(KieRefusal(code: 500, message: "Server exception, please try again later"))
        }
        guard tools.faults.take(.kieRecordNull, subject: id) == nil,
            let task = state.withLock({ $0.tasks[id] }), task.family == family,
            task.isFinal || now >= task.createdAt + Int64(settings.kieVisibility * 1_000)
        else { return family?.answersUnknownWithNothing == true ? Self.envelope(.null) : Self.envelope(.noRecord) }
        if let family { return Self.envelope(family.record(task, now: now)) }
        if tools.faults.take(.kieRecordMalformed, subject: id) != nil { return Self.malformed(task, now: now) }
        return Self.envelope(task.record(now: now))
    }

    /// `GET /api/v1/chat/credit`.
    func credit(_ request: HTTPRequest) -> HTTPResponse {
        gate(request) ?? Self.envelope(.number(state.withLock { $0.balance }))
    }

    /// `POST /api/v1/common/download-url`.
    func downloadURL(_ request: HTTPRequest) -> HTTPResponse {
        if let refusal = gate(request) { return refusal }
        // A body that is not JSON has no URL, which is the answer.
        let body = try? JSONText.parse(request.body)
        guard let url = body?["url"]?.string, url.contains("/kie/files/") else {
            return Self.envelope(KieRefusal(code: 422, message: "url is wrong"))
        }
        return Self.envelope(.string(url + "?sig=\(Tools.randomHex(16))"))
    }

    /// Refuses callers without User-Agent (as KIE's front does) and without the key.
    func gate(_ request: HTTPRequest) -> HTTPResponse? {
        guard let agent = request.fields["User-Agent"], !agent.isEmpty else {
            return HTTPResponse(
                status: 403,
                fields: ["Content-Type": "text/plain"],
                body: .bytes(Array("error code: 1010".utf8))
            )
        }
        let offered = Array((request.fields["Authorization"] ?? "").utf8)
        return account(of: offered) == nil ? Self.envelope(.unauthorized) : nil
    }

    /// The account that a key belongs to, by its place in the configuration; nil for a key that is not ours.
    private func account(of authorization: [UInt8]) -> Int? {
        tools.configuration.kieKeys.firstIndex { constantTimeEquals(authorization, Array("Bearer \($0.text)".utf8)) }
    }

    /// Reads, checks and prices a request.
    ///
    /// - Throws: `KieRefusal` or `KieCreationFault`; then nothing was made.
    private func admit(_ request: HTTPRequest, _ creation: KieFamily.Creation?) throws -> KieTask {
        let now = tools.milliseconds
        let settings = tools.currentSettings
        let account = account(of: Array((request.fields["Authorization"] ?? "").utf8)) ?? 0
        if settings.kieLimits, !state.withLock({ $0.admitCreation(of: account, at: now) }) { throw KieRefusal.tooFast }
        // What is wrong inside a malformed body does not matter to KIE either.
        guard let body = try? JSONText.parse(request.body), body.object != nil else {
            throw KieRefusal(code: 400, message: "Request body is not valid JSON")
        }
        guard let name = creation?.model ?? body["model"]?.string, !name.isEmpty else {
            throw KieRefusal(code: 422, message: "This field is required: model")
        }
        guard let model = tools.resources.catalogue.models[name] else { throw KieRefusal.unknownModel }
        // The older calls take their inputs as members of the request itself.
        let inner = creation == nil ? body["input"]?.object : body.object
        guard let input = inner?.filter({ creation == nil || $0.key != "callBackUrl" }) else {
            throw KieRefusal(code: 422, message: "This field is required: input")
        }
        if creation?.family == .suno, body["callBackUrl"]?.string == nil {
            throw KieRefusal(code: 422, message: "Please enter callBackUrl.")
        }
        try KieValidation.check(input, against: model.inputs) { id in state.withLock { $0.isFinished(id) } }
        let callbackURL = try callback(body["callBackUrl"])

        var task = KieTask(
            id: creation?.family.taskID(Tools.randomHex(32)) ?? Tools.randomHex(32),
            model: name,
            family: creation?.family,
            input: input,
            callbackURL: callbackURL,
            base: request.origin,
            script: KieScript(prompt: ""),
            cost: model.cost(of: input),
            createdAt: now,
            dueAt: now
        )
        task.ignored = KieValidation.unknownNames(input, fields: model.inputs)
        task.script = try script(for: task)
        settleFailures(&task)
        task.dueAt = now + Int64((task.script.seconds ?? settings.kieDelay) * 1_000)
        // KIE reports "generating" only for some families; most stay in "waiting" to the end.
        if name.hasPrefix("kling-3.0") || name.hasPrefix("seedream") { task.state = .generating }
        let isAffordable = state.withLock { $0.balance - $0.reserved >= task.cost }
        guard isAffordable else { throw KieRefusal.noCredits }
        return task
    }

    private func callback(_ value: JSONValue?) throws -> String? {
        guard let value, value != .null else { return nil }
        guard let text = value.string, text.hasPrefix("http://") || text.hasPrefix("https://") else {
            throw KieRefusal(code: 422, message: "callBackUrl is invalid: it must be a URL")
        }
        return text
    }

    private func script(for task: KieTask) throws -> KieScript {
        var script = KieScript(prompt: task.prompt)
        script.apply { tools.faults.take($0, subject: "\(task.model) \(task.prompt)") }
        switch script.creation {
        case .answered, .lostAnswer: return script
        case .hang: throw KieCreationFault.hang
        case .gateway: throw KieCreationFault.gateway
        case .limit: throw KieRefusal.tooFast
        case .credits: throw KieRefusal.noCredits
        case .server:
            throw KieRefusal(code: 500, message: "Server exception, please try again later or contact support")
        case .maintenance: throw KieRefusal(code: 455, message: "Service Unavailable")
        }
    }

    private func begin(_ task: KieTask, isEarly: Bool = false) {
        let forgotten = state.withLock { $0.insert(task) }
        for id in forgotten { tools.journal.remove(.task, id) }
        tools.journal.put(.task, task.id, task)
        tools.feed.changed()
        if !isEarly { tools.errands.start { [self] in await finish(task.id) } }
    }

    /// An answer that comes too late for anybody who waits for it.
    private func silence() async -> HTTPResponse {
        _ = await tools.pause(100)
        return .gatewayPage(524, "A timeout occurred")
    }

    static func envelope(_ refusal: KieRefusal) -> HTTPResponse {
        .json(["code": refusal.code.json, "msg": .string(refusal.message), "data": .null])
    }

    static func envelope(_ data: JSONValue) -> HTTPResponse {
        .json(["code": 200, "msg": "success", "data": data])
    }

    /// A record whose `param` has quotes that are not escaped, as one was recorded live.
    private static func malformed(_ task: KieTask, now: Int64) -> HTTPResponse {
        let plain = JSONText.write([
            "code": 200, "msg": "success", "data": task.record(now: now).merging(["param": "@"]),
        ])
        let broken = plain.replacing("\"param\":\"@\"", with: "\"param\":\"\(task.param)\"")
        return HTTPResponse(
            status: 200,
            fields: ["Content-Type": "application/json"],
            body: .bytes(Array(broken.utf8))
        )
    }
}

/// Ways of createTask to fail without an envelope.
enum KieCreationFault: Error {
    case gateway, hang
}
