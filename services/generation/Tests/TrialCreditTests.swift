import Contracts
import Foundation
import ModelCatalogue
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// Cheap first, then in full: the trial's price is taken off, once.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct TrialCreditTests {
    /// Nano Banana 2: 1K costs half of 4K or less.
    private static let model = 5
    private static let wish: [String: JSONValue] = ["prompt": "лиса", "resolution": "4K"]

    private func quote(
        _ bench: Bench,
        _ inputs: [String: JSONValue] = wish,
        trial: JobID? = nil,
        user: UserID = Bench.user
    ) async throws(CallError) -> Quote {
        try await bench.conversation.call(
            CreateQuote.self,
            CreateQuote.Input(userID: user, modelNumber: Self.model, inputs: inputs, trialJobID: trial),
            key: "quote:\(UUID())"
        )
    }

    /// Makes and pays the trial that a quote offers.
    private func makeTrial(_ bench: Bench) async throws -> (job: Job, full: Quote) {
        let full = try await quote(bench)
        let offered = try #require(full.trial)
        #expect(offered.priceKopecks * 2 <= full.priceKopecks)
        let trial = try await quote(bench, Self.wish.merging(offered.inputs) { $1 })
        #expect(trial.priceKopecks == offered.priceKopecks && trial.creditKopecks == nil)
        let job = try await bench.create(trial)
        try await bench.wait(for: .succeeded, of: job.jobID)
        return (try await bench.job(job.jobID), full)
    }

    @Test func `a trial's price is taken off its full run, and off no second one`() async throws {
        try await Bench.run { bench in
            let (trial, full) = try await makeTrial(bench)
            let credited = try await quote(bench, trial: trial.jobID)
            let rival = try await quote(bench, trial: trial.jobID)
            let credit = try #require(credited.creditKopecks)
            #expect(credit == trial.chargedKopecks && credited.priceKopecks == full.priceKopecks - credit)
            let job = try await bench.create(credited)
            try await bench.wait(for: .succeeded, of: job.jobID)
            #expect(try await bench.job(job.jobID).chargedKopecks == full.priceKopecks - credit)
            #expect(bench.world.now.holds[HoldID(job.jobID.uuid)]?.amountKopecks == full.priceKopecks - credit)
            await #expect { try await bench.create(rival) } throws: {
                ($0 as? CallError)?.problem?.code == .quoteExpired
            }
            #expect(try await quote(bench, trial: trial.jobID).priceKopecks == full.priceKopecks)
            let stops = try await ScratchDatabase.current.database.query("select 1 from sales_stop")
            #expect(stops.isEmpty, "a credited run is not sold below its cost")
        }
    }

    @Test func `a full run without result leaves its trial for another`() async throws {
        try await Bench.run { bench in
            let (trial, _) = try await makeTrial(bench)
            let credited = try await quote(bench, trial: trial.jobID)
            bench.world.edit { $0.endings = [("400", "Content was flagged by the safety system.")] }
            let job = try await bench.create(credited)
            try await bench.wait(for: .failed, of: job.jobID)
            #expect(try await quote(bench, trial: trial.jobID).priceKopecks == credited.priceKopecks)
        }
    }

    @Test func `another wish, another user and an old trial are not credited`() async throws {
        try await Bench.run { bench in
            let (trial, full) = try await makeTrial(bench)
            let other = try await quote(bench, ["prompt": "волк", "resolution": "4K"], trial: trial.jobID)
            #expect(other.creditKopecks == nil && other.priceKopecks == full.priceKopecks)
            #expect(try await quote(bench, trial: trial.jobID, user: 8).creditKopecks == nil)
            #expect(try await quote(bench, ["prompt": "лиса"], trial: trial.jobID).creditKopecks == nil, "not dearer")
            try await ScratchDatabase.current.database.execute("update job set ended_at = now() - interval '25 hours'")
            #expect(try await quote(bench, trial: trial.jobID).creditKopecks == nil)
        }
    }

    @Test func `both runs together earn the floor margin, whatever the trial cost`() {
        let pricing = Pricing(kopecksPerDollar: 10_000, markupThousandths: 1_300, minimumMarginKopecks: 50)
        for trial in stride(from: Int64(1_000), through: 90_000, by: 1_777) {
            for full in stride(from: trial * 2, through: 400_000, by: 31_337) {
                let (charged, price) = (pricing.kopecks(trial), pricing.kopecks(full))
                let credit = pricing.credit(charged: charged, full: price, microdollars: trial + full)
                #expect((0...charged).contains(credit) && credit <= price)
                let earned = charged + price - credit
                #expect(credit == 0 || earned >= pricing.leastKopecks(trial + full), "\(trial) \(full)")
            }
        }
    }
}
