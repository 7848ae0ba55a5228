import Contracts
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// What happens when the process dies between two steps: the next instance goes on where the row says.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct CrashTests {
    private func withWorld(_ body: (World) async throws -> Void) async throws {
        let world = try await World.start()
        do {
            try await body(world)
            await world.stop()
        } catch {
            await world.stop()
            throw error
        }
    }

    private func database() -> Database { ScratchDatabase.current.database }

    @Test func `died after the row, before the hold: a worker places it and the caller's repeat finds the job`()
        async throws
    {
        try await withWorld { world in
            let id = JobID()
            var quote: Quote?
            world.edit { $0.holdTrouble = 1_000 }
            try await Bench.run(world) { bench in
                let made = try await bench.quote()
                quote = made
                await #expect { try await bench.create(made, id: id) } throws: { error in
                    (error as? CallError)?.problem?.code == .unavailable
                }
            }
            world.edit { $0.holdTrouble = 0 }
            try await database().execute("update job set next_at = now()")
            try await Bench.run(world) { bench in
                await bench.waitForFact(.jobSucceeded)
                let job = try await bench.create(try #require(quote), id: id)
                #expect(job.state == .succeeded)
                #expect(world.now.holds.count == 1 && world.factKinds.count { $0 == .jobAccepted } == 1)
            }
        }
    }

    @Test func `died between createTask and its record: the callback brings the task home`() async throws {
        try await withWorld { world in
            // The task exists, and the answer does not come before the service is stopped.
            world.edit { state in
                state.onCreate = { _ in try await Task.sleep(for: .seconds(30)) }
                state.endsAtOnce = false
            }
            var id: JobID?
            try await Bench.run(world, ["ATELIER_STOP_WITHIN": "200ms"]) { bench in
                id = try await bench.start(5).jobID
                await eventually { world.now.tasks.count == 1 }
            }
            world.edit { $0.onCreate = nil }
            world.end()
            try await Bench.run(world) { bench in
                try await bench.callBack(world.now.tasks[0].callbackURL, taskID: world.now.tasks[0].id)
                try await bench.wait(for: .succeeded, of: try #require(id))
                #expect(world.now.tasks.count == 1 && world.now.charges.count == 1)
            }
        }
    }

    @Test func `died after storing, before the charge: charged once by the next instance`() async throws {
        try await withWorld { world in
            world.edit { $0.chargeTrouble = 1_000_000 }
            try await Bench.run(world) { bench in
                let job = try await bench.start(5)
                try await eventually { try await bench.row(job.jobID).progress.step == .settling }
                #expect(try await bench.job(job.jobID).state == .running, "nothing is promised before it is charged")
            }
            world.edit { $0.chargeTrouble = 0 }
            try await database().execute("update job set next_at = now(), lease_until = now() + interval '300 ms'")
            try await Bench.run(world) { bench in
                await bench.waitForFact(.jobSucceeded)
                #expect(world.now.charges.count == 1)
            }
        }
    }

    @Test func `died after the charge, before the report: the repeat takes nothing twice`() async throws {
        try await withWorld { world in
            try await Bench.run(world) { bench in
                let job = try await bench.start(5)
                await bench.waitForFact(.jobSucceeded)
                // Back to the moment at which billing had answered and the row did not know it yet.
                try await database().execute(
                    """
                    update job set step = 'settling', next_at = now(), charged_kopecks = null, ended_at = null
                    where job_id = \(job.jobID.uuid)
                    """
                )
                await eventually { world.now.chargeCalls == 2 }
                try await bench.wait(for: .succeeded, of: job.jobID)
                #expect(world.now.charges.count == 1)
            }
        }
    }

    @Test func `a fact that conversation did not take is repeated after a restart`() async throws {
        try await withWorld { world in
            world.edit { $0.factTrouble = 1_000_000 }
            try await Bench.run(world) { bench in
                let job = try await bench.start()
                try await bench.wait(for: .succeeded, of: job.jobID)
            }
            #expect(world.factKinds.isEmpty)
            world.edit { $0.factTrouble = 0 }
            try await database().execute("update outbox set next_at = now()")
            try await Bench.run(world) { bench in
                await bench.waitForFact(.jobSucceeded)
                #expect(world.factKinds == [.jobAccepted, .jobRunning, .jobSucceeded])
            }
        }
    }

    @Test func `two instances work, and no job is submitted or charged twice`() async throws {
        try await withWorld { world in
            try await Bench.run(world, ["ATELIER_INSTANCE": "one"]) { one in
                try await Bench.run(world, ["ATELIER_INSTANCE": "two", "ATELIER_MAXIMUM_OPEN_JOBS": "100"]) { two in
                    for number in 0..<12 { _ = try await (number % 2 == 0 ? one : two).start(5) }
                    await eventually(within: .seconds(20)) { world.factKinds.count { $0 == .jobSucceeded } == 12 }
                    #expect(world.now.tasks.count == 12 && world.now.charges.count == 12)
                    #expect(world.now.chargeCalls == 12)
                }
            }
        }
    }

    @Test func `a worker that lost its job writes nothing`() async throws {
        try await withWorld { world in
            try await Bench.run(world) { bench in
                let job = try await bench.start()
                await bench.waitForFact(.jobSucceeded)
                let store = JobStore(database: database())
                var stale = try await bench.row(job.jobID)
                stale.fence -= 1
                var progress = stale.progress
                progress.step = .accepted
                await #expect(throws: LostLease.self) {
                    try await store.commit(JobChange(progress: progress), of: stale, now: WallClock.system.now)
                }
                #expect(try await bench.job(job.jobID).state == .succeeded)
            }
        }
    }

    @Test func `a submission beyond the provider's limit waits for a slot`() async throws {
        try await withWorld { world in
            try await Bench.run(world) { bench in
                try await database().execute(
                    "update provider_account set stamps = array(select now() - n * interval '1 ms' from generate_series(19, 0, -1) n)"
                )
                let job = try await bench.start()
                try await eventually { try await bench.row(job.jobID).progress.isWaitingForSlot }
                #expect(world.now.tasks.isEmpty)
                let waiting = try await bench.job(job.jobID)
                #expect(waiting.state == .accepted)
                try await database().execute("update provider_account set stamps = '{}'")
                await bench.waitForFact(.jobSucceeded)
            }
        }
    }
}
