internal import Contracts
internal import EventLoop
internal import Foundation
internal import HTTP
internal import HTTPServer
internal import Lifecycle
internal import LoadtestKit
internal import Postgres
internal import Telemetry
internal import Time

/// The consumer of `chaos-ingress`, a process of its own that may be killed at any moment: it plays conversation,
/// generation and payments, and writes a journal of what reached it into a database of its own.
///
/// An event has its effect and is written down in one commit. What was seen before is written down as seen and has no
/// effect, as the contract asks of every consumer. One event in fifty is told to come again on its first try.
struct ChaosConsumer: Sendable {
    static let scenario = LoadtestCommand.Scenario("chaos-consumer") { loop, words in
        guard words.count == 2, let port = Int(words[0]) else { return 2 }
        return try await ChaosConsumer(port: port, databaseURL: words[1], loop: loop).run()
    }

    /// Every dispatch in `dispatch`, every effect in `effect`. The latter has no unique key but the event's own, so that a
    /// webhook that ingress stored twice would have two effects.
    static let schema = """
        create table dispatch (event_id bigint not null, attempt integer not null, verdict text not null,
            at timestamptz not null default clock_timestamp());
        create table effect (event_id bigint primary key, seq bigint generated always as identity, lane text not null,
            identity text not null);
        """

    private let port: Int
    private let loop: EventLoop
    private let database: Database

    private init(port: Int, databaseURL: String, loop: EventLoop) {
        self.port = port
        self.loop = loop
        self.database = Database(
            DatabaseConfiguration(url: databaseURL, applicationName: "chaos consumer"),
            loop: loop,
            metrics: Metrics(service: "chaos"),
            log: Log(service: "chaos", level: .error)
        )
    }

    /// Serves until it is killed, or until the process that started it is gone.
    private func run() async throws -> Int32 {
        StopSignals.listen { _ in exit(0) }
        var router = Router()
        for path in [HandleUpdates.path, HandleCallbacks.path, HandlePaymentEvents.path] {
            router.on(.post, path, maximumBodyBytes: 16 << 20) { request in try await take(request) }
        }
        router.on(.get, "/healthz") { _ in .text(200, "ok\n") }
        // Ingress asks conversation whether it is ready.
        router.on(.get, "/readyz") { _ in .text(200, "ok\n") }
        let server = HTTPServer(
            HTTPServerConfiguration(host: "127.0.0.1", port: port, name: "consumer"),
            router: router,
            loop: loop,
            metrics: Metrics(service: "chaos"),
            log: Log(service: "chaos", level: .error)
        )
        _ = try await server.start()
        while true { try await loop.sleep(for: .seconds(3_600)) }
    }

    private func take(_ request: HTTPRequest) async throws -> HTTPResponse {
        let events = try ContractJSON.decode(EventBatch.self, from: request.body).events
        let verdicts = events.map { event in
            event.attempt == 1 && event.id % 50 == 0
                ? EventVerdict(id: event.id, verdict: .retry, retryAfterMs: 50)
                : EventVerdict(id: event.id, verdict: .ok)
        }
        do {
            try await write(events, verdicts)
        } catch {
            // Whether it was written is not known; the same events will come again.
            return HTTPResponse(
                status: 503,
                fields: ["Content-Type": "application/problem+json"],
                body: .bytes(try ContractJSON.encode(Problem(.unavailable)))
            )
        }
        return .json(200, try ContractJSON.encode(EventVerdicts(verdicts: verdicts)))
    }

    private func write(_ events: [Event], _ verdicts: [EventVerdict]) async throws {
        let handled = zip(events, verdicts).filter { $1.verdict == .ok }.map { $0.0 }
        try await database.pipeline([
            """
            insert into dispatch (event_id, attempt, verdict) select * from unnest(
                \(events.map(\.id)), \(events.map { Int32($0.attempt) }), \(verdicts.map(\.verdict.rawValue)))
            """,
            """
            insert into effect (event_id, lane, identity) select * from unnest(
                \(handled.map(\.id)), \(handled.map(\.lane)), \(handled.map(Self.identity)))
            on conflict do nothing
            """,
        ])
    }

    /// What makes two webhooks the same one, read from the body where ingress does not hand it over.
    private static func identity(_ event: Event) -> String {
        switch event.source {
        case .telegram: "telegram:\(event.updateID ?? -1)"
        case .kie: "kie:\(event.token ?? "")"
        case .yookassa: "yookassa:\(event.lane)"
        }
    }
}
