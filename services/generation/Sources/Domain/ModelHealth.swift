internal import Time

/// How a model has been doing with the provider lately: a circuit breaker whose state all instances share.
///
/// After `limit` failures in a row (fewer where the provider itself says that most runs of the last day failed) that are the provider's own, the model is hidden from users. When its rest is over it
/// is sold again, and the next run is the probe: a success makes it well, a failure hides it for twice as long.
struct ModelHealth: Sendable, Equatable {
    static let limit = 5
    /// The limit where the provider's own success rate is below `sickPercent`: two failures are no accident there.
    static let sickLimit = 2
    static let sickPercent = 50
    static let firstRest = Duration.seconds(60)
    static let longestRest = Duration.seconds(1_800)

    /// The provider's failures since the last success.
    var failures = 0
    /// How often it was hidden since the last success.
    var rests = 0
    var hiddenUntil: Timestamp?

    func isHidden(now: Timestamp) -> Bool { hiddenUntil.map { $0 > now } ?? false }

    /// After another failure. Those of runs that were under way when it was hidden do not lengthen the rest.
    ///
    /// - Parameter providerPercent: What the provider says of the model's runs; nil if it says nothing.
    func failed(now: Timestamp, providerPercent: Int? = nil) -> ModelHealth {
        var next = self
        next.failures += 1
        let limit = providerPercent.map { $0 < Self.sickPercent } ?? false ? Self.sickLimit : Self.limit
        guard !isHidden(now: now), rests > 0 || next.failures >= limit else { return next }
        next.hiddenUntil = now + min(Self.longestRest, Self.firstRest * (1 << min(rests, 10)))
        next.rests += 1
        return next
    }

    /// Whether a failed try says something about the model, rather than about the user's input, our key or the network.
    static func blames(_ failure: ErrorClass) -> Bool {
        switch failure {
        case .temporary, .unknown, .notFound: true
        case .insufficientCredits, .rateLimit, .keyLimit, .invalidInput, .refused, .fetchFailed, .unauthorized,
            .unreachable:
            false
        }
    }
}
