internal import Contracts

extension Dispatcher {
    mutating func offer(_ waiting: BacklogStore.Waiting) {
        offer(waiting.event, slot: waiting.slot, attempts: waiting.attempts, parkedUntil: waiting.nextAt)
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
