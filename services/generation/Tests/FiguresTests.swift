import Contracts
import Foundation
import ModelCatalogue
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

struct ModelStatisticsTests {
    private func row(_ variant: String?, _ succeeded: Int, _ failed: Int, p50: Double = 20) -> ModelStatistics.Row {
        ModelStatistics.Row(
            slug: "m",
            variant: variant,
            succeeded: succeeded,
            failed: failed,
            p50Seconds: p50,
            p90Seconds: p50 * 2
        )
    }

    @Test func `a variant with enough runs speaks for itself, else the model does, else nobody`() {
        let statistics = ModelStatistics(rows: [row(nil, 30, 3), row("1K", 19, 1, p50: 9.2), row("2K", 11, 2)])
        #expect(statistics.measure("m", variant: "1K")?.p50Seconds == 10)
        #expect(statistics.measure("m", variant: "2K") == statistics.measure("m"))
        #expect(statistics.measure("m")?.runs == 33 && statistics.measure("m")?.successPercent == 90)
        #expect(ModelStatistics(rows: [row(nil, 19, 0)]).measure("m") == nil)
        #expect(statistics.measure("other") == nil)
    }

    @Test func `a model ails by our runs, by its last ones, or by the provider's word`() {
        #expect(!ModelStatistics(rows: [row(nil, 80, 20)]).isAiling("m"))
        #expect(ModelStatistics(rows: [row(nil, 79, 21)]).isAiling("m"))
        #expect(!ModelStatistics(rows: [row(nil, 2, 10)]).isAiling("m"), "too few runs")
        #expect(!ModelStatistics(failures: ["m": 1]).isAiling("m"))
        #expect(ModelStatistics(failures: ["m": 2]).isAiling("m"))
        #expect(ModelStatistics(provider: ["m": 79]).isAiling("m"))
        #expect(!ModelStatistics(provider: ["m": 80]).isAiling("m"))
    }

    @Test func `where the provider fails most runs, two failures hide a model`() {
        let now = Timestamp(seconds: 100)
        let once = ModelHealth().failed(now: now, providerPercent: 49)
        #expect(!once.isHidden(now: now))
        #expect(once.failed(now: now, providerPercent: 49).isHidden(now: now))
        #expect(!once.failed(now: now, providerPercent: 50).isHidden(now: now))
        #expect(!once.failed(now: now).isHidden(now: now))
    }
}

/// Figures out of our own jobs, and others offered where a model ails.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct FiguresTests {
    private var database: Database { ScratchDatabase.current.database }
    private let quick = ["ATELIER_STATISTICS_AGE": "200ms", "ATELIER_MODEL_RELOAD": "50ms"]

    /// Jobs that ended, `seconds` after their creation each.
    private func insert(
        _ slug: String,
        _ variant: String,
        seconds: ClosedRange<Int>,
        verdict: String = "succeeded",
        failure: String? = nil,
        daysAgo: Int = 0
    ) async throws {
        try await database.execute(
            """
            insert into job (job_id, key, fingerprint, user_id, chat_id, quote_id, model_number, model_slug, model_title,
                output, inputs, price_kopecks, variant, provider_microdollars, is_free, typical_seconds, hold_expires_at,
                hard_limit_at, step, verdict, failure, charged_kopecks, created_at, ended_at)
            select gen_random_uuid(), gen_random_uuid()::text, '', 7, 7, gen_random_uuid(), 5, \(slug), 'M', 'image', '{}', 0,
                \(variant), 0, false, 10, now(), now(), 'ended', \(verdict), \(failure), 0,
                now() - \(daysAgo) * interval '1 day' - each * interval '1 second', now() - \(daysAgo) * interval '1 day'
            from generate_series(\(seconds.lowerBound)::int8, \(seconds.upperBound)::int8) as each
            """
        )
    }

    private func statistics(_ bench: Bench) async throws -> [ModelStatistic] {
        try await bench.service.client(as: .operator).call(ListModelStatistics.self).models
    }

    @Test func `waits and success are told by model and variant, of the last days only`() async throws {
        try await insert("nano-banana-2", "1K", seconds: 1...50)
        try await insert("nano-banana-2", "2K", seconds: 101...130)
        try await insert("nano-banana-2", "1K", seconds: 1...10, verdict: "failed", failure: "provider")
        try await insert("nano-banana-2", "1K", seconds: 1...40, verdict: "failed", failure: "refused")
        try await insert("nano-banana-2", "1K", seconds: 900...950, daysAgo: 8)
        try await Bench.run(quick) { bench in
            try await eventually(within: .seconds(20)) { try await statistics(bench).count == 3 }
            let all = try await statistics(bench)
            #expect(all.map(\.variant) == [nil, "1K", "2K"])
            #expect(all.allSatisfy { $0.modelNumber == 5 })
            #expect(all[0].measure == ModelMeasure(runs: 90, successPercent: 88, p50Seconds: 41, p90Seconds: 123))
            #expect(all[1].measure == ModelMeasure(runs: 60, successPercent: 83, p50Seconds: 26, p90Seconds: 46))
            let model = try await bench.conversation.call(ListModels.self).models.first { $0.number == 5 }
            #expect(model?.measured?.p50Seconds == 41 && model?.typicalSeconds == 41)
            #expect(try await bench.quote(5, ["prompt": "дом"]).measured?.p50Seconds == 26)
            #expect(try await bench.quote(5, ["prompt": "дом", "resolution": "4K"]).measured?.p50Seconds == 41)
        }
    }

    @Test func `two instances compute once`() async throws {
        let store = StatisticsStore(database: database)
        try await insert("nano-banana-2", "1K", seconds: 1...5)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { try await store.refresh(olderThan: .seconds(60), window: .seconds(86_400)) }
            }
            try await group.waitForAll()
        }
        #expect(try await store.read().rows.count == 2)
        try await insert("nano-banana-2", "2K", seconds: 1...5)
        try await store.refresh(olderThan: .seconds(60), window: .seconds(86_400))
        #expect(try await store.read().rows.count == 2, "fresh enough")
        try await store.refresh(olderThan: .zero, window: .seconds(86_400))
        #expect(try await store.read().rows.count == 3)
    }

    @Test func `an ailing model is sold, with others for the same and their exact prices`() async throws {
        try await Bench.run(quick) { bench in
            #expect(try await bench.quote(5, ["prompt": "дом"]).alternatives == nil)
            let health = HealthStore(database: database)
            for _ in 0..<2 { _ = try await health.failed("nano-banana-2") }
            try await eventually(within: .seconds(20)) {
                try await bench.quote(5, ["prompt": "дом"]).alternatives != nil
            }
            let offers = try #require(try await bench.quote(5, ["prompt": "дом"]).alternatives)
            #expect(offers.count == 3 && !offers.contains { $0.modelNumber == 5 })
            for offer in offers {
                #expect(try await bench.quote(offer.modelNumber, ["prompt": "дом"]).priceKopecks == offer.priceKopecks)
            }
            #expect(offers.map(\.priceKopecks) == offers.map(\.priceKopecks).sorted())
        }
    }

    @Test func `others are priced with all copies and stages`() async throws {
        try await Bench.run(quick) { bench in
            let health = HealthStore(database: database)
            for _ in 0..<2 { _ = try await health.failed("nano-banana-2") }
            func quote(_ model: Int) async throws(CallError) -> Quote {
                try await bench.conversation.call(
                    CreateQuote.self,
                    CreateQuote.Input(
                        userID: Bench.user,
                        modelNumber: model,
                        inputs: ["prompt": "дом"],
                        copies: 3,
                        then: [NextStage(modelNumber: 14, inputs: ["prompt": "дом в снегу"])]
                    ),
                    key: "quote:\(UUID())"
                )
            }
            try await eventually(within: .seconds(20)) { try await quote(5).alternatives != nil }
            let offers = try #require(try await quote(5).alternatives)
            #expect(!offers.isEmpty)
            for offer in offers { #expect(try await quote(offer.modelNumber).priceKopecks == offer.priceKopecks) }
        }
    }

    @Test func `a run that failed for no fault of the user is told with others, any other is not`() async throws {
        try await Bench.run { bench in
            bench.world.edit {
                $0.endings = [("999", "something odd"), ("400", "Content was flagged by the safety system.")]
            }
            for _ in 0..<2 {
                let job = try await bench.start(5, ["prompt": "дом", "resolution": "2K"])
                try await bench.wait(for: .failed, of: job.jobID)
            }
            await eventually(within: .seconds(20)) { bench.world.now.facts.count { $0.kind == .jobFailed } == 2 }
            let told = bench.world.now.facts.filter { $0.kind == .jobFailed }.compactMap(\.job)
            #expect(told.map(\.failure) == [.unknown, .refused] && told[1].alternatives == nil)
            let offers = try #require(told[0].alternatives)
            #expect(!offers.isEmpty && !offers.contains { $0.modelNumber == 5 })
            #expect(try await bench.job(told[0].jobID).alternatives == nil, "prices of then are not told later")
        }
    }

    @Test func `a hidden model names others in its refusal`() async throws {
        try await Bench.run(quick) { bench in
            let health = HealthStore(database: database)
            for _ in 0..<ModelHealth.limit { _ = try await health.failed("nano-banana-2") }
            func refusal() async -> Problem? {
                do {
                    _ = try await bench.quote(5, ["prompt": "дом"])
                    return nil
                } catch { return error.problem }
            }
            await eventually(within: .seconds(20)) { await refusal()?.members["reason"] == "unwell" }
            let offers = await refusal()?.members["alternatives"]?.array ?? []
            let number = try #require(offers.first?["model_number"]?.integer)
            let price = try #require(offers.first?["price_kopecks"]?.integer)
            #expect(try await bench.quote(Int(number), ["prompt": "дом"]).priceKopecks == price)
        }
    }
}
