internal import Configuration
internal import Contracts
internal import EventLoop
internal import Foundation
internal import HTTP
internal import HTTPClient
internal import Jobs
internal import LocalSystem
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// The running system as the smoke run sees it: generation's calls, the ledger, and what the stand-ins received.
struct ModelWorld: Sendable {
    let stage: Stage
    let generation: InternalClient
    private let billing: InternalClient
    private let database: Database
    private let http: HTTPClient

    init(_ stage: Stage) throws {
        let (metrics, log) = (Metrics(service: "e2e"), Log(service: "e2e", level: .error))
        let http = HTTPClient(loop: stage.loop, configuration: HTTPClientConfiguration(), metrics: metrics, log: log)
        let children = try stage.children()
        func client(_ service: ServiceName, as caller: ServiceName) -> InternalClient {
            InternalClient(
                service: service,
                baseURL: children.operatorAccess(service).url,
                token: Secret(children.credentials.token(caller: caller, callee: service)),
                http: http,
                metrics: metrics
            )
        }
        self.stage = stage
        self.http = http
        generation = client(.generation, as: .conversation)
        billing = client(.billing, as: .payments)
        database = Database(
            DatabaseConfiguration(
                url: children.migration(.generation)["ATELIER_DATABASE_OWNER_URL"] ?? "",
                applicationName: "atelier-e2e"
            ),
            loop: stage.loop,
            metrics: metrics,
            log: log
        )
    }

    static var nowMilliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

    /// Says hello, so that the bot knows the chat, and fills the wallet.
    func admit(_ user: UserID) async throws {
        try await post("/sandbox/updates", ["user": .integer(user), "text": "/start"])
        _ = try await billing.call(
            Credit.self,
            Credit.Input(
                userID: user,
                amountKopecks: 50_000_000,
                source: .yookassa,
                reference: "e2e-\(user)",
                memo: "smoke run"
            ),
            key: "e2e-\(user)"
        )
    }

    /// What the stand-in knows of a task.
    struct Task: Sendable {
        var createdAt: Int64
        var statuses: [Int64]
        var ignored: [String]
    }

    /// Every task that the stand-in was asked for, by id.
    func tasks() async throws -> [String: Task] {
        let list = try await get("/sandbox/kie/tasks?limit=10000")["tasks"]?.array ?? []
        return Dictionary(
            list.compactMap { task in
                task["task_id"]?.string.map { id in
                    let statuses = task["deliveries"]?.array?.compactMap { $0["status"]?.integer } ?? []
                    let ignored = task["ignored"]?.array?.compactMap(\.string) ?? []
                    return (id, Task(createdAt: task["created_at"]?.integer ?? 0, statuses: statuses, ignored: ignored))
                }
            }
        ) { first, _ in first }
    }

    /// An attempt at the provider, as generation has it.
    struct Attempt: Sendable {
        var taskID: String?
        var wasCalledBack: Bool
    }

    func attempts(of job: JobID) async throws -> [Attempt] {
        try await database.query("select task_id, callback_at is not null as called from attempt where job_id = \(job)")
            .map { Attempt(taskID: try $0.get("task_id"), wasCalledBack: try $0.get("called")) }
    }

    /// SHA-256 of every file that the bot sent to a chat.
    func delivered(to chat: ChatID) async throws -> Set<String> {
        let messages = try await get("/sandbox/chats/\(chat)")["messages"]?.array ?? []
        return Set(messages.filter { $0["is_bot"]?.bool == true }.compactMap { $0["media"]?["sha256"]?.string })
    }

    private func get(_ path: String) async throws -> JSONValue {
        try await exchange(
            ClientRequest(url: stage.sandboxURL + path, timeout: .seconds(30), maximumResponseBytes: 256 << 20)
        )
    }

    private func post(_ path: String, _ body: JSONValue) async throws {
        _ = try await exchange(
            ClientRequest(
                method: .post,
                url: stage.sandboxURL + path,
                fields: ["Content-Type": "application/json"],
                body: .bytes(try ContractJSON.encode(body)),
                timeout: .seconds(30)
            )
        )
    }

    private func exchange(_ request: ClientRequest) async throws -> JSONValue {
        let response = try await http.send(request)
        guard response.status == 200 else {
            throw OperatorError("The sandbox answered \(response.status) to \(request.url).", "")
        }
        return try ContractJSON.decode(JSONValue.self, from: response.body)
    }

    func close() async { await http.shutdown() }
}
