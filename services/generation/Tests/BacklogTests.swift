import Contracts
import Postgres
import TestSupport
import Testing

@testable import GenerationService

/// What the health report and the gauges count, and at what cost.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct BacklogTests {
    private var database: Database { ScratchDatabase.current.database }

    @Test func `the counts need no read of all jobs that ever were`() async throws {
        for query in JobStore.backlogQueries {
            let plan = try await database.transaction { transaction in
                // Chosen all the same where no index serves the condition.
                try await transaction.execute("set local enable_seqscan = off")
                return try await transaction.query("explain \(unsafe: query)").map { try $0.decode(String.self) }
            }
            #expect(!plan.contains { $0.contains("Seq Scan on job") }, "\(plan.joined(separator: "\n"))")
        }
    }

    @Test func `open jobs are counted by step, stages that wait among them, and ended ones are not`() async throws {
        try await Bench.run { bench in
            let first = try await bench.start(5)
            await bench.waitForFact(.jobSucceeded)
            bench.world.edit { $0.endsAtOnce = false }
            _ = try await bench.start(5)
            #expect(try await bench.row(first.jobID).progress.step == .ended)
            await eventually { bench.world.now.tasks.count == 2 }
            let store = JobStore(database: database)
            try await eventually {
                let counts = try await store.backlog().counts
                return counts.map(\.step) == [.running] && counts.map(\.count) == [1]
            }
            // As stages of a group that wait for the one before.
            try await database.execute(
                "update job set step = 'planned', next_at = null, fence = fence + 1 where step = 'running'"
            )
            let counts = try await store.backlog().counts
            #expect(counts.map(\.step) == [.planned] && counts.map(\.output) == ["image"])
            #expect(try await store.backlog().due == 0)
            try await database.execute("update job set step = 'running', next_at = now() where step = 'planned'")
            bench.world.end(1)
        }
    }
}
