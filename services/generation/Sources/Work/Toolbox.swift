internal import Contracts
internal import Cryptography
internal import Foundation
internal import HTTPClient
internal import Jobs
internal import ServiceKit
internal import Telemetry
internal import Time

/// What workers and handlers share.
struct Toolbox: Sendable {
    let configuration: GenerationConfiguration
    let catalogue: Catalogue
    let jobs: JobStore
    let attempts: AttemptStore
    let quotes: QuoteStore
    let assets: AssetStore
    let keys: KeyStore
    let files: AssetFiles
    let kie: KIEClient
    let billing: InternalClient
    let delivery: InternalClient
    let http: HTTPClient
    let metrics: GenerationMetrics
    let log: Log
    let clock: WallClock
    /// Wakes the worker that claims jobs.
    let wake: WakeSignal
    /// Wakes the sender of facts.
    let wakeOutbox: @Sendable () -> Void

    /// A model that is sold now.
    ///
    /// - Throws: `model_not_found` or `model_unavailable`.
    func sellable(_ number: Int) throws(Problem) -> ModelEntry {
        guard let entry = catalogue.entry(number) else { throw Problem(.modelNotFound, "there is no model \(number)") }
        guard !isHidden(entry) else { throw Problem(.modelUnavailable, "\(entry.slug) is not sold now") }
        return entry
    }

    /// Whether the operator has taken a model out.
    func isHidden(_ entry: ModelEntry) -> Bool { configuration.disabledModels.contains(entry.slug) }

    /// Where the provider calls back for an attempt.
    func callbackURL(for attempt: UUID) -> String {
        "\(configuration.publicURL)/webhooks/kie/\(token(for: attempt))"
    }

    /// The signed text that names an attempt.
    func token(for attempt: UUID) -> String {
        let signature = configuration.signingKey.sign(CallbackToken.signedMessage(for: attempt))
        return CallbackToken(attempt: attempt, signature: signature).text
    }
}
