internal import Contracts
internal import Cryptography
internal import EventLoop
internal import Foundation
internal import HTTPClient
internal import Jobs
internal import ModelCatalogue
internal import ServiceKit
internal import Telemetry
internal import Time

/// What workers and handlers share.
struct Toolbox: Sendable {
    let configuration: GenerationConfiguration
    let models: LiveCatalogue
    let templates = LiveTemplates()
    let jobs: JobStore
    let attempts: AttemptStore
    let quotes: QuoteStore
    let credits: TrialCreditStore
    let assets: AssetStore
    let keys: KeyStore
    let health: HealthStore
    let stops: SalesStopStore
    let statistics: StatisticsStore
    let provider: ProviderViewStore
    let promptHelp: PromptHelpStore
    /// nil where none is configured.
    let assistant: PromptAssistant?
    let files: AssetFiles
    let kie: KIEClient
    let billing: InternalClient
    let delivery: InternalClient
    let http: HTTPClient
    let metrics: GenerationMetrics
    let log: Log
    let clock: WallClock
    let loop: EventLoop
    /// How long a call that must not be cut off may go on after the service was told to stop.
    let stopGrace: Duration
    /// Wakes the worker that claims jobs.
    let wake: WakeSignal
    /// Wakes the sender of facts.
    let wakeOutbox: @Sendable () -> Void

    /// The catalogue as it is now; a step that needs it twice keeps it.
    var catalogue: Catalogue { models.current.catalogue }

    /// A model that is sold now.
    ///
    /// - Parameter wish: What is to be made; then others that can make it are named where this model is not sold.
    /// - Throws: `model_not_found` or `model_unavailable`.
    func sellable(_ number: Int, for wish: CreateQuote.Input? = nil) throws(Problem) -> ModelEntry {
        let (catalogue, control) = models.current
        guard let entry = catalogue.entry(number) else { throw Problem(.modelNotFound, "there is no model \(number)") }
        if let obstacle = catalogue.obstacle(to: entry, control) {
            throw unavailable(entry, reason: obstacle.code, "\(entry.slug) is not sold now", for: wish)
        }
        return entry
    }

    /// Where the provider calls back for an attempt.
    func callbackURL(for attempt: UUID) -> String {
        "\(configuration.publicURL)/webhooks/kie/\(token(for: attempt))"
    }

    /// The signed text that names an attempt.
    func token(for attempt: UUID) -> String {
        let signature = configuration.signingKey.sign(CallbackToken.signedMessage(for: attempt))
        return CallbackToken(attempt: attempt, signature: signature).text
    }

    /// Runs something whose outcome would be unknown if it were cut off in the middle: a stop of the service waits for
    /// it, within reason.
    func finishing<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        // A task of its own, awaited here, because the caller's is cancelled when the service stops.
        let task = Task(executorPreference: loop) { try await body() }
        let (loop, grace) = (loop, stopGrace)
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            loop.execute { _ = loop.schedule(after: grace) { task.cancel() } }
        }
    }
}
