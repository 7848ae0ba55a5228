import Contracts
import Cryptography
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// Callbacks in every order, and what heals without them.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct CallbackTests {
    /// Polls that never come within a test, so that only callbacks can bring a result.
    private let noPolls = ["ATELIER_KIE_POLL_FIRST": "1h", "ATELIER_KIE_POLL_INTERVAL": "1h"]

    @Test func `a callback brings the result at once`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let job = try await bench.start(15, ["prompt": "волны"])
            await bench.waitForFact(.jobRunning)
            let task = try #require(bench.world.now.tasks.first)
            bench.world.end()
            #expect(try await bench.callBack(task.callbackURL, taskID: task.id) == .ok)
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).state == .succeeded)
        }
    }

    @Test func `a callback before createTask's answer is not lost`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { state in
                state.onCreate = { task in _ = try await bench.callBack(task.callbackURL, taskID: task.id) }
            }
            _ = try await bench.start(15, ["prompt": "волны"])
            await bench.waitForFact(.jobSucceeded)
            #expect(bench.world.now.tasks.count == 1)
        }
    }

    @Test func `a callback that lies about success changes nothing`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let job = try await bench.start(15, ["prompt": "волны"])
            await bench.waitForFact(.jobRunning)
            let task = try #require(bench.world.now.tasks.first)
            try await bench.callBack(task.callbackURL, taskID: task.id)
            await eventually { bench.world.now.tasks[0].polls > 0 }
            #expect(try await bench.job(job.jobID).state == .running)
        }
    }

    @Test func `double callbacks end a job once`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            _ = try await bench.start(5)
            await bench.waitForFact(.jobRunning)
            let task = try #require(bench.world.now.tasks.first)
            bench.world.end()
            for id in 1...5 { try await bench.callBack(task.callbackURL, taskID: task.id, id: Int64(id)) }
            await bench.waitForFact(.jobSucceeded)
            for id in 6...8 {
                #expect(try await bench.callBack(task.callbackURL, taskID: task.id, id: Int64(id)) == .ok)
            }
            #expect(bench.world.now.charges.count == 1)
            #expect(bench.world.factKinds.count { $0 == .jobSucceeded } == 1)
        }
    }

    @Test func `a lost callback heals by polling`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.endsAtOnce = false }
            _ = try await bench.start(5)
            await eventually { (bench.world.now.tasks.first?.polls ?? 0) >= 2 }
            bench.world.end()
            await bench.waitForFact(.jobSucceeded)
        }
    }

    @Test func `an orphan and a forged callback are no errors`() async throws {
        try await Bench.run { bench in
            let unknown = UUID.v7(at: WallClock.system.now)
            let signature = Bench.signingKey.sign(CallbackToken.signedMessage(for: unknown))
            let orphan = CallbackToken(attempt: unknown, signature: signature).text
            let first = try await bench.callBack("https://x/\(orphan)", taskID: "t")
            #expect(first == .ok)
            let forged = CallbackToken(attempt: unknown, signature: [UInt8](repeating: 1, count: 64)).text
            #expect(try await bench.callBack("https://x/\(forged)", taskID: "t") == .reject)
            #expect(try await bench.callBack("https://x/nonsense", taskID: "t") == .reject)
        }
    }

    @Test func `a submission whose answer was lost comes home by its callback and is not repeated`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { ($0.endsAtOnce, $0.creations) = (false, [.lostAnswer]) }
            let job = try await bench.start(5)
            try await bench.wait(for: .running, of: job.jobID)
            let task = try #require(bench.world.now.tasks.first)
            try await eventually {
                try await bench.row(job.jobID).progress.nextAt.map { $0 > WallClock.system.now + .seconds(90) } ?? false
            }
            bench.world.end()
            try await bench.callBack(task.callbackURL, taskID: task.id)
            await bench.waitForFact(.jobSucceeded)
            #expect(bench.world.now.tasks.count == 1)
        }
    }

    @Test func `an answer that hangs does not keep a finished result from its user`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { state in
                state.onCreate = { task in
                    _ = try await bench.callBack(task.callbackURL, taskID: task.id)
                    try await Task.sleep(for: .seconds(60))  // The hanging answer; cut off when the call is cancelled.
                }
            }
            let job = try await bench.start(5)
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).chargedKopecks == 800 && bench.world.now.tasks.count == 1)
        }
    }

    @Test func `a leaked token does not adopt another job's task`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { ($0.endsAtOnce, $0.creations) = (false, [.accepted, .lostAnswer]) }
            let first = try await bench.start(5)
            await eventually { bench.world.now.tasks.count == 1 }
            let second = try await bench.start(5)
            await eventually { bench.world.now.tasks.count == 2 }
            try await bench.wait(for: .running, of: second.jobID)
            bench.world.end(0)
            let tasks = bench.world.now.tasks
            // Whoever has the second token points it at the first task.
            try await bench.callBack(tasks[1].callbackURL, taskID: tasks[0].id)
            await eventually { bench.world.now.tasks[0].polls >= 1 }
            #expect(try await bench.job(second.jobID).state == .running)
            try await bench.callBack(tasks[0].callbackURL, taskID: tasks[0].id)
            try await bench.wait(for: .succeeded, of: first.jobID)
            bench.world.end(1)
            try await bench.callBack(tasks[1].callbackURL, taskID: tasks[1].id)
            try await bench.wait(for: .succeeded, of: second.jobID)
        }
    }

    @Test func `nobody answers and nobody calls back: the user gets the money back`() async throws {
        try await Bench.run(noPolls.merging(["ATELIER_KIE_UNKNOWN_GRACE": "1ms"]) { $1 }) { bench in
            bench.world.edit { $0.creations = [.gateway] }
            let job = try await bench.start(5)
            try await bench.wait(for: .running, of: job.jobID)
            // The wait of three usual runs is cut short by hand.
            try await eventually {
                try await ScratchDatabase.current.database.execute(
                    """
                    with cut as (update attempt set wait_until = now() where state = 'unknown' returning job_id)
                    update job set next_at = now() where job_id in (select job_id from cut)
                    """
                ) == 1
            }
            await bench.waitForFact(.jobFailed)
            #expect(try await bench.job(job.jobID).failure == .unknown)
            #expect(bench.world.now.releases.count == 1 && bench.world.now.tasks.isEmpty)
        }
    }

    @Test func `a task's id survives trouble with the database`() async throws {
        let statements: [SQL] = [
            "create sequence refusal", "grant usage on sequence refusal to public",
            """
            create function refuse_some() returns trigger language plpgsql as $$
            begin
                -- Unlike a table, a sequence remembers what was rolled back.
                if nextval('refusal') <= 3 then raise exception 'deadlock' using errcode = '40P01'; end if;
                return new;
            end
            $$
            """,
            """
            create trigger refuse_some before update on attempt for each row
            when (old.task_id is null and new.task_id is not null) execute function refuse_some()
            """,
        ]
        try await ScratchDatabase.current.withDatabase(url: ScratchDatabase.current.adminURL) { admin in
            for statement in statements { try await admin.execute(statement) }
        }
        try await Bench.run { bench in
            let job = try await bench.start(5)
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).chargedKopecks == 800 && bench.world.now.tasks.count == 1)
        }
    }

    @Test func `a callback while the money is being given back is not forgotten`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { ($0.endsAtOnce, $0.releaseProblem) = (false, Problem(.unavailable)) }
            let job = try await bench.start(5)
            await bench.waitForFact(.jobRunning)
            try await ScratchDatabase.current.database.execute(
                "update job set hard_limit_at = now(), next_at = now() where job_id = \(job.jobID.uuid)"
            )
            await eventually { bench.world.now.releaseRefusals > 0 }
            #expect(try await bench.row(job.jobID).progress.step == .settling)
            let task = try #require(bench.world.now.tasks.first)
            bench.world.end()
            try await bench.callBack(task.callbackURL, taskID: task.id)
            bench.world.edit { $0.releaseProblem = nil }
            await bench.waitForFact(.jobSucceeded)
            let done = try await bench.job(job.jobID)
            #expect(done.state == .succeeded && done.chargedKopecks == 0 && done.assets.count == 1)
            #expect(bench.world.factKinds.suffix(2) == [.jobFailed, .jobSucceeded])
            #expect(bench.world.now.chargeCalls == 0 && bench.world.now.releases.count == 1)
        }
    }

    @Test func `a result after the hard limit is delivered free`() async throws {
        try await Bench.run(noPolls) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let job = try await bench.start(5)
            await bench.waitForFact(.jobRunning)
            try await ScratchDatabase.current.database.execute(
                "update job set hard_limit_at = now(), next_at = now() where job_id = \(job.jobID.uuid)"
            )
            await bench.waitForFact(.jobFailed)
            #expect(try await bench.job(job.jobID).failure == .timeout)
            let task = try #require(bench.world.now.tasks.first)
            bench.world.end()
            try await bench.callBack(task.callbackURL, taskID: task.id)
            await bench.waitForFact(.jobSucceeded)
            let done = try await bench.job(job.jobID)
            #expect(done.state == .succeeded && done.chargedKopecks == 0 && done.assets.count == 1)
            #expect(bench.world.now.chargeCalls == 0 && bench.world.now.releases.count == 1)
        }
    }
}
