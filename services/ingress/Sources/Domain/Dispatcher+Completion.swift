internal import Time

extension Dispatcher {
    /// What to write down about an event.
    enum Completion: Equatable {
        /// `wasParked`: a row of `parked` has to go.
        case done(id: Int64, slot: Int32, wasParked: Bool = false)
        /// Tried again at `at`; its lane waits.
        case parked(id: Int64, slot: Int32, attempts: Int, at: Timestamp, error: String)
        /// Never tried again by itself; its lane goes on.
        case dead(id: Int64, slot: Int32, attempts: Int, error: String)
    }
}

extension Dispatcher.Completion {
    /// Whether the event is not tried again by itself.
    var isFinal: Bool { if case .parked = self { false } else { true } }

    /// Which event it is about.
    var place: (id: Int64, slot: Int32) {
        switch self {
        case .done(let id, let slot, _), .parked(let id, let slot, _, _, _), .dead(let id, let slot, _, _): (id, slot)
        }
    }
}
