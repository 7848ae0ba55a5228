import Contracts
import Cryptography
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// A running generation with the world around it.
struct Bench {
    let world: World
    let service: TestService<GenerationService>

    static let signingKey = Ed25519.PrivateKey(bytes: Array(1...32)) ?? Ed25519.PrivateKey()
    static let user: UserID = 7

    /// Runs the service against `world`; call it twice to play a restart.
    static func run(
        _ world: World,
        _ environment: [String: String] = [:],
        _ body: (Bench) async throws -> Void
    ) async throws {
        let assets = FileManager.default.temporaryDirectory.path + "/atelier-generation-tests"
        var settings = [
            "ATELIER_MODELS": "\(Repository.root)/services/generation/models",
            "ATELIER_TEMPLATES": "\(Repository.root)/services/generation/templates", "ATELIER_ASSETS": assets,
            "ATELIER_KIE_API_URL": world.url, "ATELIER_KIE_UPLOAD_URL": world.url,
            "ATELIER_KIE_KEYS": "first-key", "ATELIER_PUBLIC_URL": "https://bot.example.org",
            "ATELIER_KIE_CALLBACK_PRIVATE_KEY": Hex.encode(signingKey.bytes), "ATELIER_ALLOW_PRIVATE_RESULT_HOSTS": "1",
            "ATELIER_KIE_POLL_FIRST": "50ms", "ATELIER_KIE_POLL_INTERVAL": "50ms", "ATELIER_JOB_LEASE": "600ms",
        ]
        for service in ServiceName.allCases { settings["ATELIER_URL_\(service.rawValue.uppercased())"] = world.url }
        try await TestService<GenerationService>.run(environment: settings.merging(environment) { $1 }) { service in
            defer {
                // Set ATELIER_TEST_LOG to see what the service says.
                if ProcessInfo.processInfo.environment["ATELIER_TEST_LOG"] != nil {
                    service.log.lines.forEach { print($0) }
                }
            }
            try await body(Bench(world: world, service: service))
        }
    }

    /// The same with a world of its own.
    static func run(_ environment: [String: String] = [:], _ body: (Bench) async throws -> Void) async throws {
        let world = try await World.start()
        do {
            try await run(world, environment, body)
            await world.stop()
        } catch {
            await world.stop()
            throw error
        }
    }

    var conversation: InternalClient { service.client(as: .conversation) }

    func quote(
        _ model: Int = 1,
        _ inputs: [String: JSONValue] = ["prompt": "лиса"],
        media: [String: [MediaReference]] = [:],
        user: UserID = Bench.user
    ) async throws(CallError) -> Quote {
        try await conversation.call(
            CreateQuote.self,
            CreateQuote.Input(userID: user, modelNumber: model, inputs: inputs, media: media),
            key: "quote:\(UUID())"
        )
    }

    func create(_ quote: Quote, id: JobID = JobID(), user: UserID = Bench.user) async throws(CallError) -> Job {
        try await conversation.call(
            CreateJob.self,
            CreateJob.Input(jobID: id, quoteID: quote.quoteID, userID: user, chatID: user),
            key: "create:\(id)"
        )
    }

    /// Quotes and creates.
    func start(
        _ model: Int = 1,
        _ inputs: [String: JSONValue] = ["prompt": "лиса"],
        media: [String: [MediaReference]] = [:]
    ) async throws(CallError) -> Job {
        try await create(try await quote(model, inputs, media: media))
    }

    func job(_ id: JobID) async throws(CallError) -> Job {
        try await conversation.call(GetJob.self, parameters: JobParameters(jobID: id))
    }

    /// Calls back as ingress does.
    @discardableResult
    func callBack(_ url: String, taskID: String, id: Int64 = 1) async throws -> EventVerdict.Kind? {
        let body = "{\"code\":200,\"data\":{\"taskId\":\"\(taskID)\",\"state\":\"success\"}}"
        let event = Event(
            id: id,
            source: .kie,
            kind: "callback",
            token: url.split(separator: "/").last.map(String.init),
            lane: "kie:\(taskID)",
            receivedAt: WallClock.system.now,
            body: body
        )
        let answer = try await service.client(as: .ingress).call(
            HandleCallbacks.self,
            EventBatch(events: [event]),
            key: "batch:\(UUID())"
        )
        return answer.verdicts.first?.verdict
    }

    /// Waits until a job has reached a state.
    func wait(for state: JobState, of id: JobID, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await eventually(within: .seconds(20), "job is not \(state.rawValue)", sourceLocation: sourceLocation) {
            try await job(id).state == state
        }
    }

    /// Waits until conversation was told the last word.
    func waitForFact(_ kind: FactKind, sourceLocation: SourceLocation = #_sourceLocation) async {
        await eventually(within: .seconds(20), "no fact \(kind.rawValue)", sourceLocation: sourceLocation) {
            world.factKinds.contains(kind)
        }
    }

    /// Everything that happened to the job's row.
    func row(_ id: JobID) async throws -> JobRow {
        try #require(try await JobStore(database: ScratchDatabase.current.database).find(id))
    }
}
