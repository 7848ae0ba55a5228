internal import Contracts
internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem

/// One ingress with its PostgreSQL and a consumer that answers at once.
struct IngressUnderTest: Sendable {
    let rig: Rig
    let postgres: RunningProcess
    let consumer: RunningProcess
    let children: ChildEnvironment
    let loop: EventLoop
    private let keeps: Bool

    static let database = Provisioning.database(.ingress)
    /// As a server for this load would be set.
    static let settings = ["shared_buffers": "512MB", "wal_sync_method": "fdatasync"].merging(Rig.warmLogSettings) {
        $1
    }

    /// Makes everything anew; `ingress` is started apart.
    ///
    /// - Parameters:
    ///   - slowFsync: The built shim if every fsync is to take a millisecond longer.
    ///   - keeps: Goes on with the last run's databases if there are any, and leaves them for the next one.
    static func open(
        _ name: String,
        loop: EventLoop,
        slowFsync: String? = nil,
        keeps: Bool = false
    ) async throws -> IngressUnderTest {
        let variables = slowFsync.map { ["LD_PRELOAD": $0, "SLOW_FSYNC_MICROSECONDS": "1000"] } ?? [:]
        let (rig, postgres) = try await Rig.open(
            name,
            loop: loop,
            settings: settings,
            variables: variables,
            keeps: keeps
        )
        try await rig.warmLog()
        let port = try Tool.freePort()
        let children = rig.children(ports: [
            ("public", try Tool.freePort()), ("ingress", try Tool.freePort()), ("conversation", port),
            ("generation", port), ("payments", port),
        ])
        try await rig.migrate(.ingress, children)
        let consumer = try RunningProcess(
            "consumer",
            Command(
                executable: rig.project.binary("loadtest-ingress"),
                arguments: ["bench-consumer", "\(port)"],
                environment: ["ATELIER_STOPS_WITH_INPUT": "1"],
                output: .file(rig.project.log("consumer"))
            )
        )
        return IngressUnderTest(
            rig: rig,
            postgres: postgres,
            consumer: consumer,
            children: children,
            loop: loop,
            keeps: keeps
        )
    }

    /// - Parameter variables: Configuration beyond that of `children`.
    func start(_ variables: [String: String] = [:]) async throws -> RunningProcess {
        try await rig.start(.ingress, children, variables: variables.merging(["ATELIER_LOG_LEVEL": "warning"]) { $1 })
    }

    var port: Int { children.ports["public"] }
    var url: String { "http://127.0.0.1:\(port)/webhooks/telegram/main" }
    var secret: String { rig.credentials["telegram.webhook_secret"] }

    /// Stored updates.
    func rows(in database: String = Self.database, table: String = "event") async throws -> Int {
        let text = try await rig.psql("select count(*) from \(table)", database: database)
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    }

    /// Stored updates from an update id on; reads today's partition only.
    func newRows(in database: String, from updateID: Int) async throws -> Int {
        let text = try await rig.psql(
            "select count(*) from event where at >= now() - interval '1 hour' and update_id >= \(updateID)",
            database: database
        )
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    }

    /// How the service's role reaches a database of the rig.
    func databaseURL(_ database: String) -> String {
        let role = Provisioning.serviceRole(.ingress)
        return rig.cluster.placement.url(database: database, user: role, password: rig.credentials.password(of: role))
    }

    /// Webhooks by outcome, from the metrics of the running process.
    func outcomes() async throws -> [String: Int] {
        var outcomes: [String: Int] = [:]
        for match in try await metrics().matches(of: /atelier_ingress_webhooks_total\{.*outcome="(\w+)"\} (\d+)/) {
            outcomes[String(match.1), default: 0] += Int(match.2) ?? 0
        }
        return outcomes
    }

    /// Updates that the consumer has handled: all, and those within five milliseconds of their webhook.
    func handled() async throws -> (all: Int, soon: Int) {
        let text = try await metrics()
        let all = text.firstMatch(of: /atelier_ingress_dispatch_seconds_count\{.*consumer="conversation"\} (\d+)/)
        let soon = text.firstMatch(
            of: /atelier_ingress_dispatch_seconds_bucket\{.*consumer="conversation",le="0\.005"\} (\d+)/
        )
        return (all.flatMap { Int($0.1) } ?? 0, soon.flatMap { Int($0.1) } ?? 0)
    }

    private func metrics() async throws -> String {
        try await Tool.output(
            Tool.find("curl", package: "curl"),
            ["-sf", "http://127.0.0.1:\(children.ports["ingress"])/metrics"]
        )
    }

    func close() async throws {
        try await consumer.stop(loop)
        try await postgres.stop(loop)
        if !keeps { rig.removeFolders() }
    }
}
