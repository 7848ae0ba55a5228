import Concurrency
import Configuration
import Contracts
import Foundation
import HTTP
import HTTPClient
import ServiceKit
import Telemetry
import TestSupport
import Testing
import Time

@Suite(.scratchDatabase) struct StartTests {
    private let folder: EmptyMigrations

    init() throws {
        folder = try EmptyMigrations()
    }

    private func get(_ service: TestService<EchoService>, _ path: String) async throws -> (Int, JSONValue?) {
        let response = try await service.runner.context.http.send(ClientRequest(url: service.url + path))
        return (response.status, try? ContractJSON.decode(JSONValue.self, from: response.body))
    }

    @Test func `a ready service says so and tells its health`() async throws {
        try await TestService<EchoService>.run(environment: ["ATELIER_MIGRATIONS": folder.path]) { service in
            let (ready, report) = try await get(service, "/readyz")
            #expect(ready == 200 && report == ["ready": true])
            let (alive, _) = try await get(service, "/healthz")
            #expect(alive == 200)
            let (status, health) = try await get(service, "/health")
            #expect(status == 200)
            #expect(health?["service"] == "billing")
            #expect(health?["queue_depth"] == 3)
            #expect(health?["database"]?["reachable"] == true)
            #expect(health?["uptime_seconds"]?.integer != nil)
            #expect(service.runner.service.ticks.withLock { $0 } == 1)
        }
    }

    @Test func `metrics have the process's own numbers`() async throws {
        try await TestService<EchoService>.run(environment: ["ATELIER_MIGRATIONS": folder.path]) { service in
            let response = try await service.runner.context.http.send(ClientRequest(url: service.url + "/metrics"))
            #expect(response.fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
            let text = String(decoding: response.body, as: UTF8.self)
            for name in [
                "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds",
            ] {
                let line = text.split(separator: "\n").first { $0.hasPrefix(name + "{") }
                #expect(line.flatMap { Double($0.split(separator: " ").last ?? "") }.map { $0 > 0 } == true, "\(name)")
            }
            #expect(text.contains("atelier_build_info{service=\"billing\",version=\"\(BuildInfo.version)\""))
        }
    }

    @Test func `without a database the port opens at once and readiness says what is missing`() async throws {
        let started = Deadline.monotonicNow()
        let nowhere = "postgresql://nobody:x@127.0.0.1:1/nothing"
        try await TestService<EchoService>.run(
            environment: ["ATELIER_MIGRATIONS": folder.path],
            databaseURL: nowhere,
            waits: false
        ) { service in
            // Milliseconds on a quiet machine; waiting for the database would take for ever.
            #expect(Deadline.monotonicNow() - started < 10_000_000_000)
            let (status, report) = try await get(service, "/readyz")
            #expect(status == 503)
            let checks = report?["missing"]?.array?.compactMap { $0["check"]?.string }
            #expect(checks == ["database", "migrations", "service", "worker.tick"])
            let (alive, _) = try await get(service, "/healthz")
            #expect(alive == 200)
            let error = await #expect(throws: CallError.self) {
                try await service.client(as: .payments).call(GetMood.self, timeout: .seconds(60))
            }
            #expect(error?.problem?.code == .unavailable)
            #expect(error?.problem?.retryAfterSeconds == 1)
        }
    }

    @Test func `pending migrations are named, and the service waits for them`() async throws {
        let step = folder.path + "/0001_first"
        try FileManager.default.createDirectory(atPath: step, withIntermediateDirectories: true)
        for (name, text) in ["up.sql": "select 1;", "check.sql": "select 1;", "notes.md": "nothing\n"] {
            try Data(text.utf8).write(to: URL(filePath: "\(step)/\(name)"))
        }
        try await TestService<EchoService>.run(
            environment: ["ATELIER_MIGRATIONS": folder.path],
            waits: false
        ) { service in
            try await eventually {
                let missing = try await get(service, "/readyz").1?["missing"]?.array
                return missing?.contains { $0["reason"]?.string?.contains("migrations 1 are pending") == true } == true
            }
        }
    }

    @Test func `a wrong configuration is refused with everything that is wrong`() async throws {
        let error = await #expect(throws: ConfigurationError.self) {
            try await TestService<EchoService>.run(
                environment: [
                    "ATELIER_URL_DELIVERY": "delivery", "ATELIER_LOG_LEVEL": "loud", "ATELIER_DATABASE_URL": "",
                ]
            ) { _ in }
        }
        #expect(
            error?.problems.map(\.key) == ["ATELIER_DATABASE_URL", "ATELIER_URL_DELIVERY", "ATELIER_LOG_LEVEL"]
        )
    }

    @Test func `the report shows every key and no secret`() {
        let reader = ConfigurationReader(environment: [
            "ATELIER_DATABASE_URL": "postgresql://u:hush@h/d", "ATELIER_CALL_TOKENS": "delivery=hush",
            "ATELIER_MOOD": "gay",
        ])
        let report = ConfigurationReport(EchoService.self, reader)
        #expect(report.problems.isEmpty)
        #expect(!report.text.contains("hush"))
        #expect(report.text.contains("ATELIER_MOOD") && report.text.contains("gay"))
        #expect(ConfigurationReport(EchoService.self, ConfigurationReader(environment: [:])).text.contains("1 to mend"))
    }
}
