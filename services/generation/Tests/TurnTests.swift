import Contracts
import Foundation
import Jobs
import ModelCatalogue
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// Who is submitted first when the provider has room for few.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct TurnTests {
    private var store: JobStore { JobStore(database: ScratchDatabase.current.database) }

    /// Inserts jobs that wait for a slot.
    ///
    /// - Parameter waited: For how many seconds they have been due; the first one the longest.
    private func insert(_ count: Int, of user: UserID, priority: Int = 0, waited: Double = 1) async throws {
        for number in 0..<count {
            let now = WallClock.system.now
            let due = now + .seconds(-waited) + .milliseconds(number)
            var progress = JobProgress(hardLimitAt: now + .seconds(600), providerMicrodollars: 1)
            progress.nextAt = due
            let job = JobRow(
                jobID: JobID(now: now),
                key: "\(UUID())",
                fingerprint: [1],
                userID: user,
                chatID: user,
                quoteID: QuoteID(now: now),
                modelNumber: 1,
                modelSlug: "m",
                modelTitle: "M",
                output: .image,
                inputs: RunInputs(values: [:], media: [:]),
                priceKopecks: 0,
                variant: "",
                isFree: true,
                typicalSeconds: 10,
                holdExpiresAt: now + .seconds(900),
                progress: progress,
                priority: priority,
                createdAt: due
            )
            _ = try await store.insert([job], dayBegan: now + .seconds(-86_400)) { _ in }
        }
        try await ScratchDatabase.current.database.execute(
            "update job set step = 'accepted', is_waiting_for_slot = true where step = 'reserving'"
        )
    }

    private func claim(_ submissions: Int, perUser: Int = 5) async throws -> [UserID] {
        try await store.claim(
            owner: "test",
            lease: .seconds(60),
            atMost: 64,
            submissions: submissions,
            runningPerUser: perUser
        ).map(\.userID)
    }

    @Test func `another user's fifty jobs delay a single one by one slot at most`() async throws {
        try await insert(50, of: 1, waited: 300)
        try await insert(1, of: 2, waited: 0.1)
        #expect(try await claim(1) == [1])
        #expect(try await claim(1) == [2])
    }

    @Test func `users take turns`() async throws {
        for user in 1...3 { try await insert(4, of: UserID(Int64(user)), waited: Double(10 - user)) }
        var order: [UserID] = []
        for _ in 0..<6 { order += try await claim(1) }
        #expect(order == [1, 2, 3, 1, 2, 3])
    }

    @Test func `no user has more jobs at the provider than the limit`() async throws {
        try await insert(9, of: 1)
        #expect(try await claim(64, perUser: 3).count == 3)
        #expect(try await claim(64, perUser: 3).isEmpty)
        try await ScratchDatabase.current.database.execute(
            """
            update job set step = 'running', is_waiting_for_slot = false, lease_until = null, next_at = now() + interval '1 hour'
            where job_id = (select job_id from job where lease_until is not null limit 1)
            """
        )
        #expect(try await claim(64, perUser: 3).isEmpty)
        #expect(try await claim(64, perUser: 4).count == 1)
    }

    @Test func `of equal turns the higher tier goes first, and who has waited a minute a level gains one`() async throws
    {
        try await insert(1, of: 1, waited: 30)
        try await insert(1, of: 2, priority: 1)
        try await insert(1, of: 3, waited: 130)
        var order: [UserID] = []
        for _ in 0..<3 { order += try await claim(1) }
        #expect(order == [3, 2, 1])
    }

    @Test func `a job that is out of time is taken although there is no slot`() async throws {
        try await insert(1, of: 1)
        #expect(try await claim(0).isEmpty)
        try await ScratchDatabase.current.database.execute("update job set hard_limit_at = now() - interval '1 s'")
        #expect(try await claim(0) == [1])
    }

    @Test func `a user's submissions through two instances keep the limit`() async throws {
        try await Bench.run(["ATELIER_MAXIMUM_RUNNING_JOBS": "2", "ATELIER_FREE_RUNS_PER_DAY": "100"]) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            try await Bench.run(bench.world, ["ATELIER_MAXIMUM_RUNNING_JOBS": "2"]) { other in
                for number in 0..<8 { _ = try await (number % 2 == 0 ? bench : other).start(5) }
                await eventually { bench.world.now.tasks.count == 2 }
                try await Task.sleep(for: .milliseconds(700))
                #expect(bench.world.now.tasks.count == 2)
                bench.world.end(0)
                await eventually { bench.world.now.tasks.count == 3 }
            }
        }
    }

    @Test func `a higher tier than there is, is refused`() async throws {
        try await Bench.run { bench in
            let quote = try await bench.quote()
            await #expect {
                try await bench.conversation.call(
                    CreateJob.self,
                    CreateJob.Input(
                        jobID: JobID(),
                        quoteID: quote.quoteID,
                        userID: Bench.user,
                        chatID: Bench.user,
                        priority: 10
                    ),
                    key: "x"
                )
            } throws: { error in
                (error as? CallError)?.problem?.status == 400
            }
        }
    }
}
