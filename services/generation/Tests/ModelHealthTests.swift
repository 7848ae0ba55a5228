import Contracts
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

struct ModelHealthTests {
    private func at(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) }

    @Test func `the fifth failure in a row hides a model for a minute`() {
        var health = ModelHealth()
        for _ in 0..<4 { health = health.failed(now: at(0)) }
        #expect(!health.isHidden(now: at(0)))
        health = health.failed(now: at(0))
        #expect(health.isHidden(now: at(59)) && !health.isHidden(now: at(60)))
    }

    @Test func `failures of runs that were under way do not lengthen the rest`() {
        var health = ModelHealth()
        for _ in 0..<9 { health = health.failed(now: at(10)) }
        #expect(health.hiddenUntil == at(70) && health.rests == 1)
    }

    @Test func `a probe that fails hides it for twice as long, up to half an hour`() {
        var health = ModelHealth()
        for _ in 0..<5 { health = health.failed(now: at(0)) }
        var now = at(60)
        for rest in [120, 240, 480, 960, 1_800, 1_800] {
            health = health.failed(now: now)
            #expect(health.hiddenUntil == now + .seconds(rest))
            now = now + .seconds(rest)
        }
    }

    @Test(arguments: ErrorClass.allCases)
    func `only the provider's own trouble counts`(failure: ErrorClass) {
        #expect(ModelHealth.blames(failure) == [.temporary, .unknown, .notFound].contains(failure))
    }
}

@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct UnwellModelTests {
    @Test func `a model that keeps failing is hidden, tried again and well after a success`() async throws {
        try await Bench.run(["ATELIER_MODEL_RELOAD": "50ms", "ATELIER_FREE_RUNS_PER_DAY": "100"]) { bench in
            let slug = try await bench.row(try await bench.start().jobID).modelSlug
            await bench.waitForFact(.jobSucceeded)
            let health = HealthStore(database: ScratchDatabase.current.database)
            for _ in 0..<ModelHealth.limit { _ = try await health.failed(slug) }
            await eventually("the model is still sold") { await Self.obstacle(bench) == "unwell" }
            try await ScratchDatabase.current.database.execute("update model_health set hidden_until = now()")
            await eventually("the model is not sold again") { await Self.obstacle(bench) == nil }
            let probe = try await bench.start()
            try await bench.wait(for: .succeeded, of: probe.jobID)
            let row = try await ScratchDatabase.current.database.query("select failures, rests from model_health")
            let counts = try row[0].decode(Int.self, Int.self)
            #expect(counts == (0, 0))
        }
    }

    @Test func `tries that fail at the provider count`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.endings = [("500", "internal error, please try again later")] }
            let job = try await bench.start()
            try await bench.wait(for: .succeeded, of: job.jobID)
            let rows = try await ScratchDatabase.current.database.query("select slug, failures from model_health")
            let (slug, failures) = try rows[0].decode(String.self, Int.self)
            #expect(slug == job.modelSlug && failures == 0, "the second try went well")
        }
    }

    private static func obstacle(_ bench: Bench) async -> String? {
        do {
            _ = try await bench.quote()
            return nil
        } catch {
            return error.problem?.members["reason"]?.string
        }
    }
}
