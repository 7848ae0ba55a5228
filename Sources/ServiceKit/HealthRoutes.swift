internal import Contracts
internal import HTTP
internal import HTTPServer
internal import Lifecycle
internal import Telemetry
internal import Time

/// The routes of every internal listener that need no token: `/healthz`, `/readyz`, `/health`, `/metrics`.
struct HealthRoutes: Sendable {
    let context: ServiceContext
    let startup: Startup
    let serviceHealth: @Sendable () async -> [String: JSONValue]
    let started: Timestamp

    func register(on router: inout Router) {
        router.on(.get, "/healthz") { _ in .text(200, "alive\n") }
        router.on(.get, "/readyz") { _ in try await readiness() }
        router.on(.get, "/health") { _ in try await health() }
        router.on(.get, "/metrics") { _ in
            HTTPResponse(
                status: 200,
                fields: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                body: .bytes(context.metrics.render())
            )
        }
    }

    /// 200 `{"ready":true}` or 503 with what is missing.
    private func readiness() async throws -> HTTPResponse {
        let missing = await context.readiness.missing()
        var answer: [String: JSONValue] = ["ready": .bool(missing.isEmpty)]
        if !missing.isEmpty { answer["missing"] = Self.json(missing) }
        return .json(missing.isEmpty ? 200 : 503, try ContractJSON.encode(JSONValue.object(answer)))
    }

    /// Always 200, since it is read by people and dashboards, not by load balancers.
    private func health() async throws -> HTTPResponse {
        let missing = await context.readiness.missing()
        var report: [String: JSONValue] = [
            "service": .string(context.name.rawValue),
            "instance": .string(context.instance),
            "version": .string(BuildInfo.version),
            "revision": .string(BuildInfo.revision),
            "started_at": .string(started.description),
            "uptime_seconds": .integer((context.clock.now - started).wholeMilliseconds / 1_000),
            "ready": .bool(missing.isEmpty),
            "missing": Self.json(missing),
            "database": .object(await startup.databaseReport()),
        ]
        report.merge(await serviceHealth()) { ours, _ in ours }
        return .json(200, try ContractJSON.encode(JSONValue.object(report)))
    }

    private static func json(_ missing: [ReadinessChecks.Missing]) -> JSONValue {
        .array(missing.map { .object(["check": .string($0.check), "reason": .string($0.reason)]) })
    }
}
