import Configuration
import Contracts
import EventLoop
import FaultProxy
import Foundation
import HTTPClient
import Postgres
import ServiceKit
import Telemetry
import TestSupport
import Testing

/// A service between two bad networks: its callers' and its database's.
@Suite(.scratchDatabase) struct NetworkFaultTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/migrations-" + UUID().uuidString

    @Test func `keyed calls that are repeated until they are answered lose nothing and do nothing twice`() async throws
    {
        let scratch = ScratchDatabase.current
        try await scratch.database.pipeline([
            "create table applied (key text primary key)", "create table total (n int8 not null)",
            "insert into total values (0)",
        ])
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // An empty folder among temporary ones.
        var url = try DatabaseURL(scratch.serviceURL)
        let database = try FaultProxy(to: .path("\(try #require(url.parameters["host"]))/.s.PGSQL.5432"))
        defer { database.stop() }
        url.parameters["host"] = "127.0.0.1"
        url.parameters["port"] = String(database.port)
        try await TestService<EchoService>.run(
            environment: ["ATELIER_MIGRATIONS": folder],
            databaseURL: url.text
        ) { service in
            let calls = try FaultProxy(to: .port(service.runner.internalPort))
            defer { calls.stop() }
            calls.plan = FaultPlan(delays: 0.02, splits: 0.1, cuts: 0.05, resets: 0.05)
            database.plan = FaultPlan(delays: 0.02, splits: 0.1, cuts: 0.01, resets: 0.01)
            let client = InternalClient(
                service: .billing,
                baseURL: "http://127.0.0.1:\(calls.port)",
                token: Secret(TestService<EchoService>.token(.generation)),
                http: service.runner.context.http,
                metrics: Metrics(service: "test")
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<5 {
                    group.addTask {
                        for number in 0..<20 { try await count("\(caller)/\(number)", client) }
                    }
                }
                try await group.waitForAll()
            }
            let breaks = calls.counts.cuts + calls.counts.resets + database.counts.cuts + database.counts.resets
            let seeds: Comment = "seeds \(calls.seed) and \(database.seed)"
            #expect(breaks > 10, seeds)
            database.plan = .none
            let sums = try await scratch.database.query("select (select count(*) from applied), n from total")[0]
            #expect(try sums.decode(Int.self, Int.self) == (100, 100), seeds)
        }
    }

    private func count(_ key: String, _ client: InternalClient) async throws {
        while true {
            do {
                _ = try await client.call(
                    KeepNote.self,
                    KeepNote.Input(text: "count", items: []),
                    parameters: KeepNote.Parameters(note: "n"),
                    key: key
                )
                return
            } catch {
                guard error.isRetryable else { throw error }
                try await TestLoop.shared.sleep(for: .milliseconds(10))
            }
        }
    }
}
