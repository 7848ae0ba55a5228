import Contracts
import Foundation
import ModelCatalogue
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// A folder of model files of a test's own, beside which a baseline may lie.
struct ModelFolder {
    let root: String
    var models: String { "\(root)/models" }

    /// - Parameter files: The beginnings of names in our catalogue, e.g. `005`.
    init(_ files: String...) throws {
        root = FileManager.default.temporaryDirectory.path + "/models-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: "\(root)/models", withIntermediateDirectories: true)
        let ours = "\(Repository.root)/services/generation/models"
        for name in try FileManager.default.contentsOfDirectory(atPath: ours)
        where files.contains(where: { name.hasPrefix("\($0)-") }) {
            try FileManager.default.copyItem(atPath: "\(ours)/\(name)", toPath: "\(models)/\(name)")
        }
    }

    /// Changes the text of the file whose name begins so.
    func edit(_ file: String, _ change: (String) -> String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: models)
        guard let name = names.first(where: { $0.hasPrefix("\(file)-") }) else { return }
        let text = try String(contentsOfFile: "\(models)/\(name)", encoding: .utf8)
        try Data(change(text).utf8).write(to: URL(filePath: "\(models)/\(name)"), options: .atomic)
    }

    var settings: [String: String] { ["ATELIER_MODELS": models, "ATELIER_SELL_UNTRIED_MODELS": "1"] }

    func remove() { try? FileManager.default.removeItem(atPath: root) }
}

/// The provider's catalogue calls, read in the background.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct ProviderSyncTests {
    private var store: ProviderViewStore { ProviderViewStore(database: ScratchDatabase.current.database) }

    @Test func `all instances together make one call in a pause`() async throws {
        let store = store
        func calls() async throws -> Int {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 { group.addTask { try await store.takeCall(every: .seconds(60)) == nil } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
        }
        #expect(try await calls() == 1)
        #expect(try await calls() == 0)
        let wait = try #require(try await store.takeCall(every: .seconds(60)))
        #expect(wait > .seconds(30) && wait <= .seconds(60))
        try await ScratchDatabase.current.database.execute("update provider_budget set next_at = now()")
        #expect(try await calls() == 1)
    }

    @Test func `a model is looked at by one instance, the longest unseen first, and gone ones are forgotten`()
        async throws
    {
        try await store.expect(["a", "b"])
        #expect(try await store.claim(olderThan: .seconds(60)) == "a")
        #expect(try await store.claim(olderThan: .seconds(60)) == "b")
        #expect(try await store.claim(olderThan: .seconds(60)) == nil)
        try await ScratchDatabase.current.database.execute(
            "update provider_view set looked_at = now() - interval '61 seconds' where slug = 'b'"
        )
        #expect(try await store.claim(olderThan: .seconds(60)) == "b")
        try await store.expect(["b", "c"])
        #expect(try await store.claim(olderThan: .seconds(60)) == "c")
        #expect(try await store.claim(olderThan: .seconds(60)) == nil)
    }

    @Test func `a cost that would pass the price stops sales by itself, until the file has a new price`() async throws {
        let folder = try ModelFolder("001", "005")
        defer { folder.remove() }
        let world = try await World.start()
        world.edit { $0.offers = ["nano-banana-2": ("900 credits per image", 0.4), "z-image": ("0.8 credits", nil)] }
        let settings = folder.settings.merging(["ATELIER_MODEL_RELOAD": "50ms"]) { $1 }
        try await Bench.run(world, settings) { bench in
            #expect(try await bench.quote(5).priceKopecks > 0)
            await eventually(within: .seconds(60), "still sold") { await Self.reason(bench) == "stopped" }
            #expect(bench.service.log.lines.contains { $0.contains("sales stopped, the provider asks for more") })
            #expect(try await bench.quote(1).priceKopecks == 0, "free models cost the user nothing")
            try await eventually(within: .seconds(60)) { try await store.drift()["health"] == 1 }
            let health = HealthStore(database: ScratchDatabase.current.database)
            #expect(try await health.failed("nano-banana-2").hiddenUntil == nil)
            #expect(try await health.failed("nano-banana-2").hiddenUntil != nil, "the provider fails most runs itself")
            try await health.succeeded("nano-banana-2")
            try folder.edit("005") { text in
                text.replacing("8000", with: "900000").replacing("12000", with: "900000").replacing(
                    "18000",
                    with: "900000"
                )
            }
            await eventually(within: .seconds(60), "not sold again") { await Self.reason(bench) == nil }
            let calls = bench.world.now.catalogueCalls
            // One a second, give or take how late each was sent.
            let span = try #require(calls.last).at - calls[0].at
            #expect(Double(calls.count - 2) <= span.inSeconds / 1.05)
        }
        await world.stop()
    }

    @Test func `what differs from what was approved is told, and nothing is stopped for it`() async throws {
        let folder = try ModelFolder("005")
        defer { folder.remove() }
        let view = ProviderView(isListed: true, pricing: "8 credits per image")
        let baseline = ProviderBaseline(date: "2026-11-01", models: ["nano-banana-2": view])
        try Data(try baseline.text().utf8).write(to: URL(filePath: "\(folder.root)/provider.json"))
        let world = try await World.start()
        world.edit { $0.offers = ["nano-banana-2": ("9 credits per image", 0.97)] }
        try await Bench.run(world, folder.settings.merging(["ATELIER_KIE_SYNC": "1s"]) { $1 }) { bench in
            await eventually(within: .seconds(60)) {
                bench.service.log.lines.contains { $0.contains("the provider's catalogue differs") }
            }
            #expect(try await store.drift() == ["price": 1])
            #expect(await Self.reason(bench) == nil)
            // Approved: the next look finds nothing.
            let approved = ProviderBaseline(
                date: "2026-11-02",
                models: ["nano-banana-2": ProviderView(isListed: true, pricing: "9 credits per image")]
            )
            try Data(try approved.text().utf8).write(to: URL(filePath: "\(folder.root)/provider.json"))
            try await eventually(within: .seconds(60)) { try await store.drift().isEmpty }
        }
        await world.stop()
    }

    @Test func `what was found and stopped is listed until a person approves, and a loss stops again`() async throws {
        let folder = try ModelFolder("001", "005")
        defer { folder.remove() }
        let world = try await World.start()
        world.edit { $0.offers = ["nano-banana-2": ("900 credits per image", 0.97), "z-image": ("0.8 credits", nil)] }
        let settings = folder.settings.merging(["ATELIER_MODEL_RELOAD": "50ms"]) { $1 }
        try await Bench.run(world, settings) { bench in
            let desk = bench.service.client(as: .operator)
            func listed() async throws -> ModelDrift? {
                try await desk.call(ListDrift.self).models.first { $0.modelSlug == "nano-banana-2" }
            }
            func approve() async throws -> ApproveDrift.Output {
                let input = ApproveDrift.Input(modelSlugs: ["nano-banana-2", "unknown"])
                return try await desk.call(ApproveDrift.self, input, key: "drift:\(UUID())")
            }
            // All rows of its price table.
            try await eventually(within: .seconds(60), "still sold") { try await listed()?.stops.count == 3 }
            let drift = try #require(try await listed())
            #expect(drift.modelNumber == 5 && drift.readAt != nil && !drift.stops.isEmpty)
            #expect(drift.findings.count == 1 && drift.findings[0].hasPrefix("unsafe_price: "))
            #expect(drift.stops.allSatisfy { $0.reason.contains("kopecks") })
            let first = try await approve()
            #expect(first.clearedModels == 1 && first.liftedStops == 3)
            try await eventually(within: .seconds(60), "the loss is not stopped again") {
                try await listed()?.stops.count == 3
            }
            world.edit { $0.offers["nano-banana-2"] = ("8 credits per image", 0.97) }
            _ = try await approve()
            await eventually(within: .seconds(60), "not sold again") { await Self.reason(bench) == nil }
            try await eventually(within: .seconds(60)) { try await listed() == nil }
            #expect(try await approve() == ApproveDrift.Output(clearedModels: 0, liftedStops: 0))
        }
        await world.stop()
    }

    private static func reason(_ bench: Bench) async -> String? {
        do {
            _ = try await bench.quote(5)
            return nil
        } catch {
            return error.problem?.members["reason"]?.string
        }
    }
}
