internal import Contracts
internal import EventLoop
internal import Foundation
internal import HTTP
internal import HTTPClient
internal import LoadtestKit
internal import LocalSystem
internal import Telemetry
internal import Time

/// The whole system of `chaos-redeploy`: PostgreSQL, the sandbox and all six services, each of which can be replaced.
struct RedeploySystem: Sendable {
    /// What stands behind ingress, in the order of a rollout.
    static let behind: [ServiceName] = [.billing, .payments, .generation, .delivery, .conversation]

    let rig: Rig
    let loop: EventLoop
    private let children: ChildEnvironment
    private let postgres: RunningProcess
    private let sandbox: RunningProcess
    private let ingress: RunningProcess
    private let http: HTTPClient

    static func open(_ loop: EventLoop) async throws -> RedeploySystem {
        let (rig, postgres) = try await Rig.open("chaos-redeploy", loop: loop)
        let listeners = ["sandbox", "public"] + Project.services.map(\.rawValue)
        let children = rig.children(ports: try listeners.map { ($0, try Tool.freePort()) })
        let sandbox = try RunningProcess(
            "sandbox",
            Command(
                executable: rig.project.binary("sandbox"),
                environment: children.sandbox(),
                output: .file(rig.project.log("sandbox"))
            )
        )
        for service in Project.services { try await rig.migrate(service, children) }
        let ingress = try await rig.start(.ingress, children)
        let http = HTTPClient(
            loop: loop,
            metrics: Metrics(service: "chaos"),
            log: Log(service: "chaos", level: .error)
        )
        return RedeploySystem(
            rig: rig,
            loop: loop,
            children: children,
            postgres: postgres,
            sandbox: sandbox,
            ingress: ingress,
            http: http
        )
    }

    func start(_ service: ServiceName) async throws -> RunningProcess { try await rig.start(service, children) }

    func close(keep: Bool) async {
        await http.shutdown()
        for process in [ingress, sandbox, postgres] {
            // What is gone already needs no end.
            try? await process.stop(loop)
        }
        if !keep { rig.removeFolders() }
    }

    // MARK: - What people do

    /// A call of the sandbox's control API or of its Bot API.
    @discardableResult
    func post(_ path: String, _ body: JSONValue, within: Duration = .seconds(30)) async throws -> JSONValue {
        let response = try await http.send(
            ClientRequest(
                method: .post,
                url: "http://127.0.0.1:\(children.ports["sandbox"])\(path)",
                fields: ["Content-Type": "application/json"],
                body: .bytes(try ContractJSON.encode(body)),
                timeout: within
            )
        )
        guard response.status == 200 else {
            throw OperatorError("The sandbox refuses \(path): \(String(decoding: response.body, as: UTF8.self))", "")
        }
        return try ContractJSON.decode(JSONValue.self, from: response.body)
    }

    /// The address of an invoice that no order stands behind: payments is asked about it and says no.
    func makeInvoice() async throws -> String {
        let token = rig.credentials["sandbox.bot_token"]
        let answer = try await post(
            "/telegram/bot\(token)/createInvoiceLink",
            [
                "title": "a", "description": "b", "payload": "no-such-order", "currency": "XTR",
                "prices": [["label": "a", "amount": 1]],
            ]
        )
        return answer["result"]?.string ?? ""
    }

    /// A number from ingress' metrics, summed over the series of a name.
    func metric(_ name: String) async throws -> Double {
        let url = "http://127.0.0.1:\(children.ports["ingress"])/metrics"
        let text = String(decoding: try await http.send(ClientRequest(url: url)).body, as: UTF8.self)
        return text.split(separator: "\n").filter { $0.hasPrefix(name + "{") || $0.hasPrefix(name + " ") }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }

    // MARK: - Books

    func count(_ sql: String, _ service: ServiceName) async throws -> Int {
        let text = try await rig.psql(sql, database: Provisioning.database(service))
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    }

    /// Ids of the events that ingress has for conversation, or those that conversation has decided on.
    func eventIDs(_ sql: String, _ service: ServiceName) async throws -> Set<Int64> {
        let text = try await rig.psql(sql, database: Provisioning.database(service))
        return Set(text.split(separator: "\n").compactMap { Int64($0) })
    }
}
