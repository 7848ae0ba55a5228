import Contracts
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// Who may write a job's row: workers under the number that they claimed with, and callers only while no worker has it.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct FenceTests {
    /// Every poll is a claim, with a fencing number of its own.
    private let noPolls = ["ATELIER_KIE_POLL_FIRST": "1h", "ATELIER_KIE_POLL_INTERVAL": "1h"]
    private var database: Database { ScratchDatabase.current.database }
    private var store: JobStore { JobStore(database: database) }

    @Test func `a caller's repeat that comes too late does not take a running job back`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let job = try await bench.start(5)
            await bench.waitForFact(.jobRunning)
            // What the repeat had read: the same fencing number, and the hold still to be placed.
            var stale = try await bench.row(job.jobID)
            stale.progress.step = .reserving
            var accepted = stale.progress
            (accepted.step, accepted.isWaitingForSlot, accepted.nextAt) = (.accepted, true, WallClock.system.now)
            await #expect(throws: LostLease.self) {
                try await store.commit(JobChange(progress: accepted), of: stale, now: WallClock.system.now)
            }
            #expect(try await bench.row(job.jobID).progress.step == .running)
            bench.world.end()
            let task = bench.world.now.tasks[0]
            try await bench.callBack(task.callbackURL, taskID: task.id)
            await bench.waitForFact(.jobSucceeded)
            #expect(bench.world.now.tasks.count == 1)
        }
    }

    @Test func `giving a job back that went on meanwhile leaves its lease alone`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let job = try await bench.start(5)
            await bench.waitForFact(.jobRunning)
            try await database.execute(
                "update job set lease_until = now() + interval '1 hour' where job_id = \(job.jobID)"
            )
            var stale = try await bench.row(job.jobID)
            stale.progress.step = .reserving
            let nextAt = try await bench.row(job.jobID).progress.nextAt
            try await store.release(stale, until: WallClock.system.now)
            let row = try await bench.row(job.jobID)
            #expect(row.isLeased && row.progress.nextAt == nextAt)
        }
    }

    @Test func `a repeat waits while a worker places the hold`() async throws {
        let world = try await World.start()
        let id = JobID()
        let group = GroupID()
        world.edit { $0.holdTrouble = 1_000 }
        try await Bench.run(world) { bench in
            let quote = try await bench.quote(5)
            await #expect(throws: CallError.self) { try await bench.create(quote, id: id) }
            let groups = try await bench.conversation.call(
                CreateQuote.self,
                CreateQuote.Input(
                    userID: Bench.user,
                    modelNumber: 5,
                    inputs: ["prompt": "лиса"],
                    media: [:],
                    copies: 2
                ),
                key: "quote:\(UUID())"
            )
            let order = CreateGroup.Input(
                groupID: group,
                quoteID: groups.quoteID,
                userID: Bench.user,
                chatID: Bench.user
            )
            let make = { () async throws in
                try await bench.conversation.call(CreateGroup.self, order, key: "group:\(group)")
            }
            await #expect(throws: CallError.self) { _ = try await make() }
            // A worker that hangs in its call to billing.
            try await database.execute(
                "update job set lease_until = now() + interval '1 hour', fence = fence + 1 where step = 'reserving'"
            )
            let calls = world.now.holdCalls
            for attempt in [{ _ = try await bench.create(quote, id: id) }, { _ = try await make() }] {
                await #expect { try await attempt() } throws: { error in
                    (error as? CallError)?.problem?.code == .inProgress
                }
            }
            #expect(world.now.holdCalls == calls)
            // The worker dies: the next repeat takes the hold up.
            world.edit { $0.holdTrouble = 0 }
            try await database.execute(
                "update job set lease_until = now(), next_at = next_at + interval '1 hour' where step = 'reserving'"
            )
            #expect(try await bench.create(quote, id: id).state == .accepted)
            _ = try await make()
            await eventually { world.now.charges.count == 3 }
            #expect(world.now.tasks.count == 3)
        }
        await world.stop()
    }

    @Test func `a job that is over and was left due rests after one look`() async throws {
        try await Bench.run { bench in
            let job = try await bench.start(5)
            await bench.waitForFact(.jobSucceeded)
            // What a worker leaves behind that does not know that its last step was committed.
            try await database.execute("update job set next_at = now() where job_id = \(job.jobID)")
            try await eventually { try await bench.row(job.jobID).progress.nextAt == nil }
            let over = try await bench.row(job.jobID)
            try await store.release(over, until: WallClock.system.now + .seconds(2))
            #expect(try await bench.row(job.jobID).progress.nextAt == nil)
            #expect(try await bench.row(job.jobID).fence == over.fence)
        }
    }
}
