import Contracts
import Foundation
import HTTP
import HTTPClient
import ModelCatalogue
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// The operations of the API beside the straight way.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct JobOperationTests {
    private func code(_ body: () async throws -> some Any) async -> ProblemCode? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? CallError)?.problem?.code
        }
    }

    @Test func `a refused hold is told with its members, again and again, and nothing runs`() async throws {
        try await Bench.run { bench in
            bench.world.edit {
                $0.holdProblem = Problem(
                    .insufficientFunds,
                    members: ["shortage_kopecks": 300, "available_kopecks": 500]
                )
            }
            let quote = try await bench.quote(5)
            let id = JobID()
            for _ in 0..<2 {
                let problem = await #expect(throws: CallError.self) { try await bench.create(quote, id: id) }?.problem
                #expect(problem?.code == .insufficientFunds && problem?.status == 402)
                #expect(problem?.members["shortage_kopecks"] == 300 && problem?.members["available_kopecks"] == 500)
            }
            #expect(bench.world.now.holdCalls == 1, "a remembered refusal asks nobody again")
            #expect(await code { try await bench.job(id) } == .jobNotFound)
            #expect(bench.world.now.tasks.isEmpty && bench.world.factKinds.isEmpty)
        }
    }

    @Test func `the same call twice is one job; another under the same id or key is refused`() async throws {
        try await Bench.run { bench in
            let (quote, other) = (try await bench.quote(), try await bench.quote())
            let id = JobID()
            let first = try await bench.create(quote, id: id)
            let second = try await bench.create(quote, id: id)
            #expect(first.jobID == second.jobID && bench.world.now.holds.count == 1)
            #expect(await code { try await bench.create(other, id: id) } == .idempotencyMismatch)
        }
    }

    @Test func `twenty taps at once make one job`() async throws {
        try await Bench.run { bench in
            let quote = try await bench.quote(5)
            let id = JobID()
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do {
                            return try await bench.create(quote, id: id).jobID == id
                        } catch {
                            return (error as? CallError)?.problem?.code == .inProgress
                        }
                    }
                }
                for await isFine in group { #expect(isFine) }
            }
            await bench.waitForFact(.jobSucceeded)
            #expect(
                bench.world.now.tasks.count == 1 && bench.world.now.holds.count == 1
                    && bench.world.now.charges.count == 1
            )
        }
    }

    @Test func `quotes are replayed by key, expire, and belong to their user`() async throws {
        try await Bench.run { bench in
            let input = CreateQuote.Input(userID: 7, modelNumber: 5, inputs: ["prompt": "дом", "resolution": "2K"])
            let first = try await bench.conversation.call(CreateQuote.self, input, key: "same")
            let again = try await bench.conversation.call(CreateQuote.self, input, key: "same")
            #expect(first == again && first.priceKopecks == 1_200 && first.variant == "2K")
            #expect(first.deltas["resolution"] == ["1K": -400, "2K": 0, "4K": 500])
            var other = input
            other.inputs["prompt"] = "кот"
            #expect(
                await code { try await bench.conversation.call(CreateQuote.self, other, key: "same") }
                    == .idempotencyMismatch
            )
            #expect(await code { try await bench.create(first, user: 8) } == .quoteNotFound)
            #expect(await code { try await bench.quote(999) } == .modelNotFound)
        }
    }

    @Test func `an expired quote is refused`() async throws {
        let clock = ManualClock(WallClock.system.now)
        let world = try await World.start()
        let quotes = QuoteStore(database: ScratchDatabase.current.database)
        try await Bench.run(world) { bench in
            let stale = Quote(
                quoteID: QuoteID(),
                modelNumber: 1,
                priceKopecks: 0,
                variant: "standard",
                expiresAt: clock.now - .seconds(1)
            )
            let run = RunInputs(values: ["prompt": "a"], media: [:])
            _ = try await quotes.insert(
                QuoteRow(quote: stale, key: "k", fingerprint: [1], userID: 7, inputs: run, providerMicrodollars: 1)
            )
            #expect(await code { try await bench.create(stale) } == .quoteExpired)
            #expect(try await quotes.sweep(olderThan: .seconds(3_600), atMost: 1_000) == 0)
            #expect(try await quotes.sweep(olderThan: .zero, atMost: 1_000) == 1)
        }
        await world.stop()
    }

    @Test func `free runs are counted a day, failed ones are not`() async throws {
        try await Bench.run(["ATELIER_FREE_RUNS_PER_DAY": "2"]) { bench in
            bench.world.edit { $0.endings = [("400", "nsfw")] }
            _ = try await bench.start()
            await bench.waitForFact(.jobFailed)
            for _ in 0..<2 { _ = try await bench.start() }
            let problem = await #expect(throws: CallError.self) { try await bench.start() }?.problem
            #expect(problem?.code == .limitExceeded && problem?.members["limit"] == "free_runs_per_day")
            #expect((problem?.retryAfterSeconds ?? 0) > 0)
            _ = try await bench.start(5)
        }
    }

    @Test func `a user has a limit of open jobs`() async throws {
        try await Bench.run(["ATELIER_MAXIMUM_OPEN_JOBS": "1"]) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            _ = try await bench.start(5)
            #expect(await code { try await bench.start(5) } == .limitExceeded)
        }
    }

    @Test func `a job that waits can be cancelled, a running one can't`() async throws {
        try await Bench.run { bench in
            try await ScratchDatabase.current.database.execute(
                "update provider_key set paused_until = now() + interval '1 minute'"
            )
            let job = try await bench.start(5)
            let parameters = JobParameters(jobID: job.jobID)
            for _ in 0..<2 {
                let cancelled = try await bench.conversation.call(
                    CancelJob.self,
                    parameters: parameters,
                    key: "c\(UUID())"
                )
                #expect(cancelled.state == .cancelled)
            }
            await bench.waitForFact(.jobCancelled)
            #expect(bench.world.now.releases.values.map(\.reason) == ["cancelled"] && bench.world.now.tasks.isEmpty)
            try await ScratchDatabase.current.database.execute("update provider_key set paused_until = null")
            bench.world.edit { $0.endsAtOnce = false }
            let running = try await bench.start(5)
            try await bench.wait(for: .running, of: running.jobID)
            #expect(
                await code {
                    try await bench.conversation.call(
                        CancelJob.self,
                        parameters: JobParameters(jobID: running.jobID),
                        key: "x"
                    )
                } == .notCancellable
            )
            #expect(
                await code {
                    try await bench.conversation.call(
                        CancelJob.self,
                        parameters: JobParameters(jobID: JobID()),
                        key: "y"
                    )
                } == .jobNotFound
            )
        }
    }

    @Test func `hidden models are neither listed nor quoted`() async throws {
        try await Bench.run(["ATELIER_DISABLED_MODELS": "nano-banana-2"]) { bench in
            let models = try await bench.conversation.call(ListModels.self).models
            #expect(models.count >= 100 && !models.contains { $0.slug == "nano-banana-2" })
            #expect(await code { try await bench.quote(5) } == .modelUnavailable)
        }
    }

    @Test func `a user's jobs are listed newest first`() async throws {
        try await Bench.run { bench in
            for _ in 0..<3 { _ = try await bench.start() }
            let jobs = try await bench.conversation.call(
                ListJobs.self,
                parameters: ListJobs.Parameters(userID: 7, limit: 2)
            ).jobs
            #expect(jobs.count == 2 && jobs[0].createdAt >= jobs[1].createdAt)
            #expect(
                await code {
                    try await bench.conversation.call(
                        ListJobs.self,
                        parameters: ListJobs.Parameters(userID: 7, limit: 0)
                    )
                } == .malformedRequest
            )
        }
    }

    @Test func `asset bytes come whole, in parts and not at all if they are known`() async throws {
        try await Bench.run { bench in
            let job = try await bench.start()
            await bench.waitForFact(.jobSucceeded)
            let asset = try #require(try await bench.job(job.jobID).assets.first)
            let http = bench.service.runner.context.http
            func get(_ id: String, _ fields: HTTPFields = [:]) async throws -> ClientResponse {
                var fields = fields
                fields["Authorization"] = "Bearer delivery-token"
                return try await http.send(ClientRequest(url: "\(bench.service.url)/v1/assets/\(id)", fields: fields))
            }
            let whole = try await get(asset.assetID.description)
            #expect(whole.status == 200 && whole.body == Samples.png && whole.fields["Content-Type"] == "image/png")
            let tag = try #require(whole.fields["ETag"])
            let part = try await get(asset.assetID.description, ["Range": "bytes=1-3"])
            #expect(part.status == 206 && part.body == Array("PNG".utf8))
            #expect(part.fields["Content-Range"] == "bytes 1-3/\(Samples.png.count)")
            #expect(try await get(asset.assetID.description, ["If-None-Match": tag]).status == 304)
            #expect(try await get(asset.assetID.description, ["Range": "bytes=999-"]).status == 416)
            #expect(
                try await get(asset.assetID.description, ["Range": "bytes=1-3", "If-Range": "\"x\""]).status == 200
            )
            #expect(try await get(AssetID().description).status == 404)
            #expect(try await get("nonsense").status == 404)
        }
    }
}
