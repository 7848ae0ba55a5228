internal import Contracts
internal import EventLoop
internal import Foundation
internal import LocalSystem
internal import ModelCatalogue
internal import ServiceKit
internal import Time

/// One user of the smoke run: quotes, starts and watches runs one after the other.
struct ModelPlayer: Sendable {
    let user: UserID
    let world: ModelWorld
    let catalogue: Catalogue
    /// How long a run may take; nil for the model's own limit.
    let patience: Duration?

    /// Models that make the files that others need.
    private static let makers: [MediaKind: String] = [
        .image: "z-image", .video: "grok-imagine/text-to-video", .audio: "google/gemini-3-8-flash-lite-tts",
    ]

    /// Results that later runs use: by kind, or by the model whose task counts.
    final class Shelf {
        var assets: [String: Asset] = [:]
    }

    func play(_ entries: [ModelEntry], runs: Int, _ note: (ModelRun) -> Void) async throws {
        let shelf = Shelf()
        for entry in entries {
            for _ in 0..<runs {
                let (run, assets) = try await run(entry, shelf)
                if let first = assets.first { shelf.assets[entry.slug] = shelf.assets[entry.slug] ?? first }
                note(run)
            }
        }
    }

    private func run(_ entry: ModelEntry, _ shelf: Shelf) async throws -> (ModelRun, [Asset]) {
        for facts in entry.inputs where facts.input.media != nil {
            guard facts.input.isRequired || entry.sample.media.contains(facts.input.name) else { continue }
            try await stock(facts, shelf)
        }
        let media = entry.sampleMedia { kind, facts in
            let asset = shelf.assets[Self.maker(facts)]
            return MediaReference(
                assetID: asset?.assetID ?? AssetID(),
                kind: kind,
                mimeType: asset?.mimeType,
                sizeBytes: asset?.sizeBytes,
                durationSeconds: asset?.durationSeconds ?? (kind == .image ? nil : 6)
            )
        }
        return try await run(entry, media)
    }

    /// Makes the file that an input needs, if there is none yet.
    private func stock(_ facts: InputFacts, _ shelf: Shelf) async throws {
        let maker = Self.maker(facts)
        guard shelf.assets[maker] == nil, let entry = catalogue.entry(named: maker) else { return }
        let (run, assets) = try await run(entry, shelf)
        guard let asset = assets.first else {
            throw SmokeTrouble(description: "\(maker) made no file for others: \(run.trouble ?? "")")
        }
        shelf.assets[maker] = asset
    }

    private static func maker(_ facts: InputFacts) -> String {
        facts.sends == .task ? facts.from.first ?? "" : makers[facts.input.media ?? .image] ?? ""
    }

    private func run(_ entry: ModelEntry, _ media: [String: [MediaReference]]) async throws -> (ModelRun, [Asset]) {
        var run = ModelRun(
            slug: entry.slug,
            number: entry.number,
            jobID: JobID(),
            chatID: user,
            beganAt: ModelWorld.nowMilliseconds
        )
        run.trouble = await start(&run, entry, media)
        guard run.trouble == nil else { return (run, []) }
        return try await watch(run, entry)
    }

    /// Quotes and creates the job.
    ///
    /// - Returns: What generation refused; nil if the job was taken.
    private func start(_ run: inout ModelRun, _ entry: ModelEntry, _ media: [String: [MediaReference]]) async -> String?
    {
        let ask = CreateQuote.Input(userID: user, modelNumber: entry.number, inputs: entry.sample.inputs, media: media)
        let id = run.jobID
        do throws(CallError) {
            let quote = try await world.generation.call(CreateQuote.self, ask, key: "e2e-quote-\(id)")
            run.quotedKopecks = quote.priceKopecks
            let job = CreateJob.Input(jobID: id, quoteID: quote.quoteID, userID: user, chatID: user)
            _ = try await world.generation.call(CreateJob.self, job, key: "e2e-job-\(id)")
            return nil
        } catch {
            guard let problem = error.problem else { return "\(error)" }
            let fields = problem.members["fields"]?.array ?? []
            let reasons = fields.map { "\($0["name"]?.string ?? "") \($0["reason"]?.string ?? "")" }
            return ([problem.code.rawValue] + reasons).joined(separator: " ")
        }
    }

    private func watch(_ started: ModelRun, _ entry: ModelEntry) async throws -> (ModelRun, [Asset]) {
        var run = started
        let deadline = Deadline.after(patience ?? .seconds(entry.hardLimitSeconds + 60))
        while !deadline.isExpired {
            let job = try await world.generation.call(GetJob.self, parameters: .init(jobID: run.jobID))
            if [.succeeded, .failed, .cancelled].contains(job.state) {
                run.totalMilliseconds = ModelWorld.nowMilliseconds - run.beganAt
                run.chargedKopecks = job.chargedKopecks
                run.results = job.assets.map(\.sha256)
                if job.state != .succeeded { run.trouble = "ended as \(job.failure?.rawValue ?? job.state.rawValue)" }
                return (run, job.assets)
            }
            try await world.stage.loop.sleep(for: .milliseconds(100))
        }
        run.trouble = "did not end in time"
        return (run, [])
    }
}

/// Why a smoke run could not go on.
struct SmokeTrouble: Error, CustomStringConvertible {
    var description: String
}
