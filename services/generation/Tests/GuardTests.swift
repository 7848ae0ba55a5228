import Contracts
import Foundation
import Postgres
import ServiceKit
import Telemetry
import TestSupport
import Testing
import Time

@testable import GenerationService

/// What keeps the operator from losing money, and the catalogue from going stale, in a running service.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct GuardTests {
    private func refusal(_ body: () async throws -> Void) async -> Problem? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? CallError)?.problem
        }
    }

    @Test func `free runs of all users together stay within the day's budget`() async throws {
        // A run costs 0.8 credits: 0.4 cents, 36.8 kopecks. Two fit into a rouble.
        try await Bench.run(["ATELIER_FREE_ROUBLES_PER_DAY": "1"]) { bench in
            for user in [UserID(21), 22] { _ = try await bench.create(try await bench.quote(user: user), user: user) }
            let problem = await refusal { _ = try await bench.create(try await bench.quote(user: 23), user: 23) }
            #expect(problem?.code == .limitExceeded && problem?.members["limit"] == "free_budget_per_day")
            #expect(problem?.members["limit_value"] == 1)
            #expect(try await bench.quote(5).priceKopecks > 0)
            _ = try await bench.create(try await bench.quote(5))
            // A run that failed cost nothing, and yesterday's do not count.
            await eventually { bench.world.factKinds.count { $0 == .jobSucceeded } == 3 }
            try await ScratchDatabase.current.database.execute(
                "update job set created_at = created_at - interval '1 day' where user_id = 21"
            )
            _ = try await bench.create(try await bench.quote(user: 23), user: 23)
        }
    }

    @Test func `many at once do not pass the budget`() async throws {
        try await Bench.run(["ATELIER_FREE_ROUBLES_PER_DAY": "1"]) { bench in
            let taken = try await withThrowingTaskGroup(of: Bool.self) { group in
                for user in UserID(31)...40 {
                    group.addTask {
                        let quote = try await bench.quote(user: user)
                        do { _ = try await bench.create(quote, user: user) } catch {
                            guard (error as? CallError)?.problem?.code == .limitExceeded else { throw error }
                            return false
                        }
                        return true
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(taken == 2)
        }
    }

    @Test func `a run that cost more than its price is charged as quoted and stops its row only`() async throws {
        try await Bench.run(["ATELIER_MODEL_RELOAD": "50ms"]) { bench in
            bench.world.edit { $0.credits = 500 }
            let job = try await bench.start(5, ["prompt": "дом"])
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).chargedKopecks == job.priceKopecks)
            #expect(bench.world.now.charges.values.first?.providerCostMicrodollars == 2_500_000)
            #expect(bench.service.log.lines.contains { $0.contains("sales stopped, a run cost more than its price") })
            await eventually(within: .seconds(20), "still sold") {
                await refusal { _ = try await bench.quote(5, ["prompt": "дом"]) }?.members["reason"] == "stopped"
            }
            #expect(try await bench.quote(5, ["prompt": "дом", "resolution": "2K"]).priceKopecks > 0)
            // Another instance, and one that starts later, knows it too.
            try await Bench.run(bench.world, ["ATELIER_MODEL_RELOAD": "50ms"]) { second in
                await eventually(within: .seconds(20), "sold by another instance") {
                    await refusal { _ = try await second.quote(5, ["prompt": "дом"]) } != nil
                }
            }
        }
    }

    @Test func `a run that cost what it should stops nothing`() async throws {
        try await Bench.run(["ATELIER_MODEL_RELOAD": "50ms"]) { bench in
            bench.world.edit { $0.credits = 8 }
            _ = try await bench.start(5, ["prompt": "дом"])
            await bench.waitForFact(.jobSucceeded)
            let stops = try await SalesStopStore(database: ScratchDatabase.current.database).all()
            #expect(stops.isEmpty)
        }
    }

    @Test(arguments: [(10.0, Int64(1_000)), (40, 3_700), (90, 3_700)])
    func `a bound is settled by what the provider took, never above the quote`(credits: Double, charge: Int64)
        async throws
    {
        try await Bench.run { bench in
            bench.world.edit { state in
                state.telegramFiles = ["photo-1": Samples.jpeg]
                state.credits = credits
            }
            let photo = MediaReference(telegramFileID: "photo-1", kind: .image, sizeBytes: 27)
            let quote = try await bench.quote(71, [:], media: ["image_url": [photo]])
            #expect(quote.isBound == true && quote.priceKopecks == 3_700)
            let job = try await bench.create(quote)
            await bench.waitForFact(.jobSucceeded)
            #expect(bench.world.now.holds.values.first?.amountKopecks == 3_700)
            #expect(try await bench.job(job.jobID).chargedKopecks == charge)
        }
    }

    @Test func `low credit of a provider key is an alarm`() async throws {
        let world = try await World.start()
        world.edit { $0.balance = 499.5 }
        try await Bench.run(world, ["ATELIER_KIE_LOW_CREDITS": "500"]) { bench in
            await eventually { bench.service.log.lines.contains { $0.contains("provider credit is low") } }
            let gauge = bench.service.runner.context.metrics.gauge("atelier_generation_provider_credits", "")
            await eventually { gauge.value() == 499.5 }
            #expect(!bench.service.log.lines.contains { $0.contains("first-key") })
        }
        world.edit { $0.balance = 500 }
        try await Bench.run(world, ["ATELIER_KIE_LOW_CREDITS": "500"]) { bench in
            let gauge = bench.service.runner.context.metrics.gauge("atelier_generation_provider_credits", "")
            await eventually { gauge.value() == 500 }
            #expect(!bench.service.log.lines.contains { $0.contains("provider credit is low") })
        }
        await world.stop()
    }

    @Test func `changed files are taken up by all instances within five seconds, bad ones by none`() async throws {
        let folder = try ModelFolder("001", "005")
        defer { folder.remove() }
        // The rhythm is the one that is shipped.
        try await Bench.run(folder.settings) { first in
            try await Bench.run(first.world, folder.settings) { second in
                func titles() async throws -> Set<String> {
                    var titles: Set<String> = []
                    for bench in [first, second] {
                        let models = try await bench.conversation.call(ListModels.self).models
                        titles.insert(models.first { $0.number == 5 }?.title ?? "none")
                    }
                    return titles
                }
                #expect(try await titles() == ["Nano Banana 2"])
                try folder.edit("005") { $0.replacing("\"ru\": \"Nano Banana 2\"", with: "\"ru\": \"Банан\"") }
                try await eventually(within: .seconds(5)) { try await titles() == ["Банан"] }
                try folder.edit("005") { $0.replacing("\"number\": 5", with: "\"number\": \"five\"") }
                await eventually(within: .seconds(10)) {
                    [first, second].allSatisfy { bench in
                        bench.service.log.lines.contains {
                            $0.contains("model file refused") && $0.contains("005-nano-banana-2.json:2")
                        }
                    }
                }
                #expect(try await titles() == ["Банан"])
                #expect(try await first.quote(5).modelNumber == 5)
            }
        }
    }
}
