import Concurrency
import Contracts
import Cryptography
import EventLoop
import Foundation
import HTTP
import HTTPClient
import Telemetry
import TestSupport
import Time

@testable import GenerationService

/// Everything around generation, behind one stub server: KIE, its files, billing, conversation and delivery.
final class World: Sendable {
    struct Task: Sendable {
        var id: String
        var model: String
        var input: JSONValue
        var callbackURL: String
        var key: String
        var state = "waiting"
        var failCode = ""
        var failMessage = ""
        var urls: [String] = []
        var polls = 0
        var credits = 0.8
    }

    enum Creation: Sendable {
        case accepted
        case refused(code: Int, text: String)
        /// The task is made, the answer gets lost.
        case lostAnswer
        /// Neither task nor answer.
        case gateway
    }

    struct State: Sendable {
        var tasks: [Task] = []
        var creations: [Creation] = []
        /// How tasks end that are made from now on, in order; then they succeed.
        var endings: [(code: String, text: String)?] = []
        /// Whether tasks end by themselves at once.
        var endsAtOnce = true
        /// What each task takes.
        var credits = 0.8
        var files: [String: [UInt8]] = [:]
        var fileStatus: [String: Int] = [:]
        var uploads: [(name: String, bytes: Int)] = []
        var holds: [HoldID: PlaceHold.Input] = [:]
        var holdCalls = 0
        /// By hold; what is settled of a part stands under the part's id.
        var charges: [HoldID: ChargeHold.Input] = [:]
        /// What has been charged by itself of a hold: its parts, or itself.
        var parts: [HoldID: Set<HoldID>] = [:]
        var chargeCalls = 0
        var releases: [HoldID: ReleaseHold.Input] = [:]
        var extensions: [ExtendHold.Input] = []
        var extendProblem: Problem?
        var extendRefusals = 0
        var holdProblem: Problem?
        /// Billing answers this once before it works.
        var holdTrouble = 0
        var chargeTrouble = 0
        var chargeProblem: Problem?
        var releaseProblem: Problem?
        /// How often a release was refused.
        var releaseRefusals = 0
        var facts: [Fact] = []
        var factTrouble = 0
        var factProblem: Problem?
        /// How often a fact was refused.
        var factRefusals = 0
        var telegramFiles: [String: [UInt8]] = [:]
        var telegramFetches = 0
        /// What KIE's catalogue calls say: price text and success rate (0...1) by model; empty for no such calls.
        var offers: [String: (pricing: String, successRate: Double?)] = [:]
        var catalogueCalls: [(path: String, at: Timestamp)] = []
        /// The credit of every key; nil for no answer.
        var balance: Double?
        var onCreate: (@Sendable (Task) async throws -> Void)?
    }

    let state = Locked(State())
    private let server = Locked<StubServer?>(nil)

    static func start() async throws -> World {
        let world = World()
        let server = try await StubServer.start { request in try await world.answer(request) }
        world.server.withLock { $0 = server }
        return world
    }

    var url: String { server.withLock { $0?.url } ?? "" }

    func stop() async {
        let server = server.withLock { $0 }
        await server?.stop()
    }

    func edit(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    var now: State { state.withLock { $0 } }

    /// The kinds of facts in the order of their first arrival.
    var factKinds: [FactKind] { now.facts.map(\.kind) }

    private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        let path = request.path
        switch path {
        case "/api/v1/jobs/createTask": return try await createTask(request)
        case "/api/v1/jobs/recordInfo": return recordInfo(request)
        case "/api/file-stream-upload": return upload(request)
        case "/api/v1/common/download-url": return refresh(request)
        case "/api/v1/chat/credit":
            guard let balance = now.balance else { return .text(503, "busy") }
            return Self.envelope(200, "success", .number(balance))
        case "/v1/holds": return try placeHold(request)
        case "/v1/facts": return try fact(request)
        case _ where path.hasPrefix("/api/v1/models"): return describe(path)
        case _ where path.hasPrefix("/files/"): return file(String(path.dropFirst(7)))
        case _ where path.hasPrefix("/v1/telegram-files/"): return telegramFile(String(path.dropFirst(19)))
        case _ where path.hasPrefix("/v1/holds/"): return try endHold(request)
        default: return .text(404, "unknown path")
        }
    }

    // MARK: KIE

    private func createTask(_ request: HTTPRequest) async throws -> HTTPResponse {
        let body = try ContractJSON.decode(JSONValue.self, from: request.body)
        let creation = state.withLock { $0.creations.isEmpty ? Creation.accepted : $0.creations.removeFirst() }
        switch creation {
        case .refused(let code, let text): return Self.envelope(code, text, .null)
        case .gateway: return .text(502, "<html>bad gateway</html>")
        case .accepted, .lostAnswer: break
        }
        let (task, hook) = state.withLock { state in
            var task = Task(
                id: "task\(state.tasks.count + 1)",
                model: body["model"]?.string ?? "",
                input: body["input"] ?? .null,
                callbackURL: body["callBackUrl"]?.string ?? "",
                key: request.fields["Authorization"] ?? ""
            )
            task.credits = state.credits
            if state.endsAtOnce { Self.end(&task, &state, url) }
            state.tasks.append(task)
            return (task, state.onCreate)
        }
        try await hook?(task)
        if case .lostAnswer = creation { return .text(502, "<html>bad gateway</html>") }
        return Self.envelope(200, "success", ["taskId": .string(task.id), "recordId": .string(task.id)])
    }

    private static func end(_ task: inout Task, _ state: inout State, _ url: String) {
        let ending = state.endings.isEmpty ? nil : state.endings.removeFirst()
        if let ending {
            (task.state, task.failCode, task.failMessage) = ("fail", ending.code, ending.text)
        } else {
            task.state = "success"
            if task.urls.isEmpty { task.urls = ["\(url)/files/\(task.id).png"] }
        }
    }

    /// Ends a task that is still waiting.
    func end(_ index: Int = 0) {
        state.withLock { state in
            var task = state.tasks[index]
            Self.end(&task, &state, url)
            state.tasks[index] = task
        }
    }

    private func recordInfo(_ request: HTTPRequest) -> HTTPResponse {
        let id = request.query["taskId"] ?? ""
        let task = state.withLock { state -> Task? in
            guard let index = state.tasks.firstIndex(where: { $0.id == id }) else { return nil }
            state.tasks[index].polls += 1
            return state.tasks[index]
        }
        guard let task else { return Self.envelope(422, "recordInfo is null", .null) }
        return Self.envelope(200, "success", Self.record(task))
    }

    static func record(_ task: Task) -> JSONValue {
        let param: JSONValue = ["model": .string(task.model), "callBackUrl": .string(task.callbackURL), "input": "{}"]
        let result: JSONValue = ["resultUrls": .array(task.urls.map { .string($0) })]
        return [
            "taskId": .string(task.id), "model": .string(task.model), "state": .string(task.state),
            "param": .string(text(param)), "resultJson": .string(task.state == "success" ? text(result) : ""),
            "failCode": .string(task.failCode), "failMsg": .string(task.failMessage), "createTime": 1_790_000_000_123,
            "creditsConsumed": task.state == "success" ? task.credits.json : 0,
        ]
    }

    private static func text(_ value: JSONValue) -> String { (try? StoredJSON.encode(value)) ?? "" }

    private static func envelope(_ code: Int, _ message: String, _ data: JSONValue) -> HTTPResponse {
        let value: JSONValue = ["code": .integer(Int64(code)), "msg": .string(message), "data": data]
        return .json(200, Array(text(value).utf8))
    }

    private func describe(_ path: String) -> HTTPResponse {
        let offers = state.withLock { state in
            state.catalogueCalls.append((path, WallClock.system.now))
            return state.offers
        }
        guard !offers.isEmpty else { return .text(404, "no such call") }
        if path == "/api/v1/models" {
            let models = offers.map { name, offer -> JSONValue in
                ["model": .string(name), "pricingDesc": .string(offer.pricing)]
            }
            return Self.envelope(200, "success", ["models": .array(models)])
        }
        let parts = path.dropFirst("/api/v1/models/".count).split(separator: "/")
        let name = parts.dropLast().joined(separator: "/")
        guard let offer = offers[name] else {
            return Self.envelope(404, "The model name \(name) is not supported", .null)
        }
        switch parts.last {
        case "price": return Self.envelope(200, "success", ["pricingDesc": .string(offer.pricing)])
        case "success-rate":
            let rate: JSONValue = offer.successRate.map { .number($0) } ?? .null
            return Self.envelope(200, "success", ["points": [["successRate": rate]]])
        default: return Self.envelope(200, "success", ["openapi": .null])
        }
    }

    private func upload(_ request: HTTPRequest) -> HTTPResponse {
        let text = String(decoding: request.body, as: UTF8.self)
        let name = text.firstRange(of: "filename=\"").map { String(text[$0.upperBound...].prefix { $0 != "\"" }) } ?? ""
        state.withLock { $0.uploads.append((name, request.body.count)) }
        return Self.envelope(200, "uploaded", ["downloadUrl": .string("\(url)/uploads/\(name)")])
    }

    private func refresh(_ request: HTTPRequest) -> HTTPResponse {
        guard let body = try? ContractJSON.decode(JSONValue.self, from: request.body), let old = body["url"]?.string
        else { return Self.envelope(422, "url is wrong", .null) }
        return Self.envelope(200, "success", .string(old + ".fresh"))
    }

    private func file(_ name: String) -> HTTPResponse {
        let (status, bytes) = state.withLock { ($0.fileStatus[name], $0.files[name]) }
        if let status { return .text(status, "no") }
        return HTTPResponse(status: 200, fields: ["Content-Type": "image/png"], body: .bytes(bytes ?? Samples.png))
    }

    // MARK: Billing, conversation, delivery

    private func placeHold(_ request: HTTPRequest) throws -> HTTPResponse {
        let input = try ContractJSON.decode(PlaceHold.Input.self, from: request.body)
        return try state.withLock { state in
            state.holdCalls += 1
            if state.holdTrouble > 0 {
                state.holdTrouble -= 1
                return try Self.problem(Problem(.unavailable))
            }
            if let problem = state.holdProblem { return try Self.problem(problem) }
            if let known = state.holds[input.holdID], known != input {
                return try Self.problem(Problem(.idempotencyMismatch))
            }
            state.holds[input.holdID] = input
            return try Self.hold(input.holdID, input.amountKopecks, charged: 0, .live)
        }
    }

    private func endHold(_ request: HTTPRequest) throws -> HTTPResponse {
        let parts = request.path.split(separator: "/")
        guard parts.count == 4, let id = HoldID(String(parts[2])) else { return .text(404, "no hold") }
        return try state.withLock { state in
            if parts[3] == "extend" {
                if let problem = state.extendProblem {
                    state.extendRefusals += 1
                    return try Self.problem(problem)
                }
                state.extensions.append(try ContractJSON.decode(ExtendHold.Input.self, from: request.body))
                return try Self.hold(id, state.holds[id]?.amountKopecks ?? 0, charged: 0, .live)
            }
            if parts[3] == "release" {
                if let problem = state.releaseProblem {
                    state.releaseRefusals += 1
                    return try Self.problem(problem)
                }
                let input = try ContractJSON.decode(ReleaseHold.Input.self, from: request.body)
                state.releases[Self.settled(id, input.part)] = input
                return try Self.hold(id, state.holds[id]?.amountKopecks ?? 0, charged: 0, .released)
            }
            state.chargeCalls += 1
            let input = try ContractJSON.decode(ChargeHold.Input.self, from: request.body)
            if state.chargeTrouble > 0 {
                state.chargeTrouble -= 1
                return try Self.problem(Problem(.unavailable))
            }
            if let problem = state.chargeProblem { return try Self.problem(problem) }
            let settled = Self.settled(id, input.part)
            state.charges[settled] = input
            // As billing does: the answer is about the whole hold.
            state.parts[id, default: []].insert(settled)
            let charged = state.parts[id, default: []].reduce(0) { $0 + (state.charges[$1]?.amountKopecks ?? 0) }
            return try Self.hold(id, state.holds[id]?.amountKopecks ?? 0, charged: charged, .charged)
        }
    }

    private static func settled(_ id: HoldID, _ part: HoldPart?) -> HoldID {
        part.flatMap { HoldID($0.partID) } ?? id
    }

    private func fact(_ request: HTTPRequest) throws -> HTTPResponse {
        let fact = try ContractJSON.decode(Fact.self, from: request.body)
        return try state.withLock { state in
            if state.factTrouble > 0 {
                state.factTrouble -= 1
                return try Self.problem(Problem(.unavailable))
            }
            if let problem = state.factProblem {
                state.factRefusals += 1
                return try Self.problem(problem)
            }
            if !state.facts.contains(where: { $0.factID == fact.factID }) { state.facts.append(fact) }
            return .json(200, Array("{}".utf8))
        }
    }

    private func telegramFile(_ id: String) -> HTTPResponse {
        let bytes = state.withLock { state in
            state.telegramFetches += 1
            return state.telegramFiles[id]
        }
        guard let bytes else {
            return (try? Self.problem(Problem(.fileNotFound))) ?? .text(404, "gone")
        }
        return HTTPResponse(status: 200, fields: ["Content-Type": "application/octet-stream"], body: .bytes(bytes))
    }

    private static func problem(_ problem: Problem) throws -> HTTPResponse {
        HTTPResponse(
            status: problem.status,
            fields: ["Content-Type": "application/problem+json"],
            body: .bytes(try ContractJSON.encode(problem))
        )
    }

    private static func hold(_ id: HoldID, _ amount: Int64, charged: Int64, _ end: HoldEnd) throws -> HTTPResponse {
        let balance = Balance(
            userID: 7,
            postedKopecks: 100_000,
            heldKopecks: 0,
            availableKopecks: 100_000,
            paidKopecks: 100_000,
            bonusKopecks: 0,
            isFrozen: false
        )
        let state = HoldState(
            holdID: id,
            amountKopecks: amount,
            chargedKopecks: charged,
            releasedKopecks: 0,
            state: end,
            balance: balance
        )
        return .json(200, try ContractJSON.encode(state))
    }
}

extension Double {
    fileprivate var json: JSONValue { .number(self) }
}

/// Files for tests.
enum Samples {
    /// The head of a PNG of 640 by 480; enough for its type and size to be told.
    static let png: [UInt8] = [
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0x02, 0x80, 0, 0,
        0x01,
        0xe0, 8, 2, 0, 0, 0, 1, 2, 3, 4,
    ]
    /// A JPEG of 320 by 200 with a comment in front of its frame header.
    static let jpeg: [UInt8] = [
        0xff, 0xd8, 0xff, 0xfe, 0, 4, 1, 2, 0xff, 0xc0, 0, 17, 8, 0, 200, 1, 64, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1,
    ]
}
