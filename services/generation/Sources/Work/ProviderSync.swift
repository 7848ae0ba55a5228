internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Foundation
internal import Lifecycle
internal import ModelCatalogue
internal import Telemetry
internal import Time

/// Reads the provider's catalogue calls in the background: list, price, schema and success rate of every model, at one
/// request a second for all instances together, and each model anew after a while.
///
/// What differs from what a person has approved (`atelier models drift --approve`) is told by metric and log. A model whose
/// cost would pass its price by the provider's own words is not sold from then on; everything else is a person's decision.
final class ProviderSync: Worker {
    let name = "provider.sync"
    private let tools: Toolbox
    private let loop: EventLoop
    /// The provider allows one a second.
    private static let pause = Duration.milliseconds(1_050)
    private static let idle = Duration.seconds(5)
    /// How soon a look that gave nothing is repeated.
    private static let troublePause = Duration.seconds(60)
    /// How long the list of all models counts.
    private static let listAge = Duration.seconds(600)

    init(_ tools: Toolbox, loop: EventLoop) {
        self.tools = tools
        self.loop = loop
    }

    func run() async throws {
        var list: (models: [String: String?], readAt: UInt64)?
        while !Task.isCancelled {
            try await tools.provider.expect(tools.catalogue.entries.filter { $0.withheld == nil }.map(\.slug))
            try await tell()
            let age = tools.configuration.providerSync
            guard let slug = try await tools.provider.claim(olderThan: age) else {
                try await loop.sleep(for: min(Self.idle, age))
                continue
            }
            if list.map({ Deadline.monotonicNow() - $0.readAt > UInt64(Self.listAge.wholeMicroseconds) * 1_000 })
                ?? true
            {
                guard let models = try await readList() else {
                    try await tools.provider.retry(slug, after: min(Self.troublePause, age), age: age)
                    try await loop.sleep(for: Self.idle)
                    continue
                }
                list = (models, Deadline.monotonicNow())
            }
            guard let entry = tools.catalogue.entry(named: slug), let models = list?.models,
                let view = try await look(at: entry, models)
            else {
                try await tools.provider.retry(slug, after: min(Self.troublePause, age), age: age)
                continue
            }
            try await judge(entry, view)
        }
    }

    /// The provider's names with their price texts; nil if it did not say.
    private func readList() async throws -> [String: String?]? {
        guard let models = try await ask("/api/v1/models")?["data"]?["models"]?.array, !models.isEmpty else {
            return nil
        }
        return Dictionary(
            models.compactMap { model in model["model"]?.string.map { ($0, model["pricingDesc"]?.string) } }
        ) { first, _ in first }
    }

    /// - Returns: nil if the provider did not answer, which says nothing about the model.
    private func look(at entry: ModelEntry, _ listed: [String: String?]) async throws -> ProviderView? {
        let name = entry.route.model
        // Models of the dedicated calls have no place in the list.
        guard let pricing = listed[name] else { return ProviderView(isListed: false) }
        guard let price = try await ask("/api/v1/models/\(name)/price") else { return nil }
        let schema = try await ask("/api/v1/models/\(name)/schema")
        let health = try await ask("/api/v1/models/\(name)/success-rate")
        let text = price["data"]?["pricingDesc"]?.string ?? pricing
        return ProviderView(isListed: true, pricing: text, schema: schema, health: health)
    }

    /// Waits for a place in the budget and makes one call.
    private func ask(_ path: String) async throws -> JSONValue? {
        while let wait = try await tools.provider.takeCall(every: Self.pause) {
            // Whoever waits too asks a little earlier or later.
            try await loop.sleep(for: wait + .milliseconds(.random(in: 1...100)))
        }
        guard let key = tools.configuration.kieKeys.names.first else { return nil }
        return await tools.kie.catalogue(path, key: key)
    }

    private func judge(_ entry: ModelEntry, _ view: ProviderView) async throws {
        let baseline = try await approved()
        let findings = DriftFinding.all(
            entry,
            view,
            before: baseline?.models[entry.route.model],
            tools.configuration.pricing
        )
        let isNew = try await tools.provider.record(view, of: entry.slug, findings: findings)
        for finding in findings where isNew {
            tools.log.warning(
                "the provider's catalogue differs",
                [.model: .string(finding.slug), .reason: .string("\(finding.kind.rawValue): \(finding.text)")]
            )
        }
        if let loss = findings.first(where: { $0.kind == .unsafePrice }) { try await stop(entry, loss.text) }
    }

    /// Stops every row of a model's price table at the price that it has.
    private func stop(_ entry: ModelEntry, _ reason: String) async throws {
        for row in entry.price?.rows ?? [] {
            let stop = SalesStop(slug: entry.slug, row: row.name, millicredits: row.millicredits, reason: reason)
            guard try await tools.stops.add(stop) else { continue }
            tools.metrics.salesStops.increment()
            tools.log.error(
                "sales stopped, the provider asks for more than the price",
                [.model: .string(entry.slug), .reason: .string("\(row.name): \(reason)")]
            )
        }
    }

    private func tell() async throws {
        let drift = try await tools.provider.drift()
        for kind in DriftFinding.Kind.allCases {
            tools.metrics.drift.set(Double(drift[kind.rawValue] ?? 0), kind.rawValue)
        }
    }

    /// What was approved last, beside the model files; nil while nothing was. Read each time: a person may approve at any
    /// moment, and a look takes seconds anyway.
    private func approved() async throws -> ProviderBaseline? {
        let folder = URL(filePath: tools.configuration.modelsDirectory).deletingLastPathComponent().path
        let file = "\(folder)/\(ProviderBaseline.fileName)"
        return try await BlockingExecutor.shared.run {
            guard let data = FileManager.default.contents(atPath: file) else { return nil }
            // A file that is no baseline counts as none; `atelier models drift` says so to the person who approves.
            return try? ProviderBaseline([UInt8](data))
        }
    }
}
