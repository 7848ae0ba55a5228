import Concurrency
import Contracts
import Foundation
import HTTP
import TestSupport
import Testing
import Time

@testable import ConversationService

/// Billing, generation, delivery and payments as conversation sees them, on one port, with everything that they were
/// asked.
final class World: Sendable {
    struct State {
        var kopecks: Int64 = 10_000
        var price: Int64 = 1_400
        /// What `POST /v1/jobs` says instead of yes, per call.
        var refusals: [Problem] = []
        /// Paths whose service does not answer now.
        var down: Set<String> = []
        /// First call by path and key: a repeat gets the same answer.
        var calls: [Call] = []
        var messageProblems: [Problem] = []
        /// Quotes wait here while it is closed.
        var isQuoteClosed = false
    }

    struct Call: Sendable {
        var method: String
        var path: String
        var key: String
        var body: [UInt8]
    }

    let state = Locked(State())
    let stub: StubServer

    static func start() async throws -> World {
        let holder = Locked<World?>(nil)
        let stub = try await StubServer.start { request in
            guard let world = holder.withLock({ $0 }) else { return .text(503, "starting\n") }
            return try await world.answer(request)
        }
        let world = World(stub)
        holder.withLock { $0 = world }
        return world
    }

    private init(_ stub: StubServer) {
        self.stub = stub
    }

    /// Configuration that points every callee here.
    var environment: [String: String] {
        var environment = ["ATELIER_BOT_USERNAME": "kist_ai_bot"]
        for service in ["BILLING", "GENERATION", "DELIVERY", "PAYMENTS", "INGRESS", "CONVERSATION"] {
            environment["ATELIER_URL_\(service)"] = stub.url
        }
        return environment
    }

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    /// Different effects asked for: calls with the same key count once.
    func calls(_ method: String, _ path: String) -> [Call] {
        var seen: Set<String> = []
        return state.withLock { $0.calls }.filter { call in
            call.method == method && call.path.hasPrefix(path) && seen.insert(call.key).inserted
        }
    }

    /// Keys under which different bytes were sent; must stay empty. Toasts are not commands: a repeat may say otherwise.
    var mismatches: [String] {
        let commands = state.withLock { $0.calls }.filter { !$0.key.isEmpty && $0.path != AnswerCallback.path }
        let byKey = Dictionary(grouping: commands) { $0.path + $0.key }
        return byKey.filter { Set($0.value.map(\.body)).count > 1 }.map(\.key)
    }

    var createdJobs: [CreateJob.Input] {
        calls("POST", "/v1/jobs").filter { $0.path == "/v1/jobs" }
            .compactMap { try? ContractJSON.decode(CreateJob.Input.self, from: $0.body) }
    }

    var createdGroups: [CreateGroup.Input] {
        calls("POST", "/v1/groups").compactMap { try? ContractJSON.decode(CreateGroup.Input.self, from: $0.body) }
    }

    var messages: [(key: String, input: SendMessage.Input)] {
        calls("POST", "/v1/messages").compactMap { call in
            (try? ContractJSON.decode(SendMessage.Input.self, from: call.body)).map { (call.key, $0) }
        }
    }

    func cards(_ key: String, chat: ChatID = Make.user) -> [PutCard.Input] {
        let name = key.replacing(":", with: "%3A")
        return state.withLock { $0.calls }
            .filter { ["/v1/chats/\(chat)/cards/\(key)", "/v1/chats/\(chat)/cards/\(name)"].contains($0.path) }
            .compactMap { try? ContractJSON.decode(PutCard.Input.self, from: $0.body) }
            .sorted { $0.revision < $1.revision }
    }

    /// The newest panel.
    var panel: MessageContent? { cards("panel").last?.content }

    var toasts: [String?] {
        calls("POST", "/v1/callback-answers").compactMap {
            try? ContractJSON.decode(AnswerCallback.Input.self, from: $0.body)
        }.map(\.text)
    }

    private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        let call = Call(
            method: request.method.rawValue,
            path: request.path,
            key: request.fields["idempotency-key"] ?? "",
            body: request.body
        )
        let isDown = state.withLock { state in state.down.contains { call.path.hasPrefix($0) } }
        if isDown { return try json(503, Problem(.unavailable)) }
        state.withLock { $0.calls.append(call) }
        return try await route(call)
    }

    private func route(_ call: Call) async throws -> HTTPResponse {
        switch (call.method, call.path) {
        case ("GET", "/v1/models"): return try json(200, ListModels.Output(revision: "r1", models: Sample.models))
        case ("GET", "/v1/templates"):
            return try json(200, ListTemplates.Output(revision: "t1", templates: Sample.templates))
        case ("GET", "/v1/payment-options"): return try json(200, Make.options)
        case ("POST", "/v1/quotes"):
            await eventually { !self.state.withLock { $0.isQuoteClosed } }
            let input = try ContractJSON.decode(CreateQuote.Input.self, from: call.body)
            let price = state.withLock { $0.price }
            var draft = Draft(modelNumber: input.modelNumber)
            (draft.copies, draft.then) = (input.copies, input.then)
            return try json(
                201,
                Make.quote(draft, kopecks: price * Int64(input.copies ?? 1), at: WallClock.system.now)
            )
        case ("POST", "/v1/jobs"): return try createJob(call)
        case ("POST", "/v1/groups"): return try createGroup(call)
        case ("POST", "/v1/orders"):
            let input = try ContractJSON.decode(CreateOrder.Input.self, from: call.body)
            return try json(201, Make.order(input.orderID, .pending, kopecks: input.amountKopecks))
        case ("POST", "/v1/messages"):
            let problem = state.withLock { $0.messageProblems.isEmpty ? nil : $0.messageProblems.removeFirst() }
            if let problem { return try json(problem.status, problem) }
            return try json(202, MessageState(key: call.key, chatID: Make.user, state: .queued))
        case ("POST", "/v1/callback-answers"): return try json(202, Empty())
        default: break
        }
        if call.path.hasSuffix("/balance") {
            return try json(200, Make.balance(state.withLock { $0.kopecks }))
        }
        if call.path.hasSuffix("/entries") { return try json(200, ListEntries.Output(entries: [])) }
        if call.path.hasSuffix("/jobs") { return try json(200, ListJobs.Output(jobs: [])) }
        if call.path.contains("/cards/") { return try json(202, PutCard.Output(isSuperseded: false)) }
        if call.path.hasSuffix("/reachability") { return try json(200, Empty()) }
        return try json(404, Problem(.notFound))
    }

    private func createJob(_ call: Call) throws -> HTTPResponse {
        let input = try ContractJSON.decode(CreateJob.Input.self, from: call.body)
        let problem = state.withLock { $0.refusals.isEmpty ? nil : $0.refusals.removeFirst() }
        if let problem { return try json(problem.status, problem) }
        return try json(201, Make.job(input.jobID, .accepted))
    }

    private func createGroup(_ call: Call) throws -> HTTPResponse {
        let input = try ContractJSON.decode(CreateGroup.Input.self, from: call.body)
        let id = JobID(input.groupID.uuid)
        return try json(201, Make.group(id, copies: 3, [.accepted, .accepted, .accepted], revision: 1))
    }

    private func json(_ status: Int, _ value: some Encodable) throws -> HTTPResponse {
        .json(status, try ContractJSON.encode(value))
    }
}
