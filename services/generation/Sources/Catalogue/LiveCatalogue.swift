internal import Concurrency
internal import ModelCatalogue

/// The catalogue that is in force, and what is taken out of sale. Read on every call, replaced as a whole.
final class LiveCatalogue: Sendable {
    private let state: Locked<(catalogue: Catalogue, control: SalesControl)>
    private let measures = Locked(ModelStatistics())

    init(_ catalogue: Catalogue, _ control: SalesControl) {
        state = Locked((catalogue, control))
    }

    /// Both at one instant.
    var current: (catalogue: Catalogue, control: SalesControl) { state.withLock { $0 } }

    /// What our own runs were like, as it was computed last.
    var statistics: ModelStatistics { measures.withLock { $0 } }

    func measure(_ statistics: ModelStatistics) {
        measures.withLock { $0 = statistics }
    }

    func replace(_ catalogue: Catalogue) {
        state.withLock { $0.catalogue = catalogue }
    }

    /// - Parameter unwell: Slugs of models that rest after repeated failures.
    func hide(_ unwell: Set<String>) {
        state.withLock { $0.control.unwell = unwell }
    }

    /// - Parameter stopped: Reasons by slug, or by slug and row.
    func stop(_ stopped: [String: String]) {
        state.withLock { $0.control.stopped = stopped }
    }
}
