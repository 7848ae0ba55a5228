internal import Concurrency
internal import Contracts

// What is read from the table, since memory was full or another instance had it.

extension Dispatch {
    /// What to read next for a consumer, if something of it is behind and memory has room again.
    func reading(for consumer: Consumer) -> (slots: [Int32], after: Int64, limit: Int)? {
        state.withLock { state in
            guard let reading = state.backlogs.reading(for: consumer) else { return nil }
            let room = state.dispatcher.room(for: consumer)
            guard room >= state.dispatcher.limits.eventsInMemory / 2 else { return nil }
            return (reading.slots, reading.after, min(room, Self.maximumPage))
        }
    }

    /// Offers what was read from the table.
    ///
    /// - Parameter id: Everything of these slots up to here has been read.
    func offer(read page: [StoredEvent], of slots: [Int32], for consumer: Consumer, upTo id: Int64) {
        state.withLock { state in
            for stored in page {
                let group = SlotGroup(slot: stored.slot, consumer: consumer)
                if state.backlogs.admits(stored.event.id, group) { state.dispatcher.offer(stored) }
            }
            state.backlogs.advance(slots, of: consumer, to: id)
        }
        ring([consumer])
    }

    /// Leaves the owned ones of these groups to the table: a commit whose outcome is not known may have stored something that
    /// nobody was told about. To be called before the commit counts as landed, so that the floor has not passed it.
    func reread(_ groups: Set<SlotGroup>) {
        state.withLock { state in
            let handled = state.completed.filter { $0 > state.floor }
            for group in groups where state.owned.contains(group.slot) {
                state.backlogs.begin(group, after: state.floor, handled: handled)
            }
        }
    }

    /// Keeps what arrives for these groups until `endBacklog`.
    func joinBacklog(_ slots: [Int32], of consumer: Consumer) {
        state.withLock { $0.backlogs.join(slots, of: consumer) }
    }

    /// The groups have caught up: what arrived meanwhile follows.
    func endBacklog(_ slots: [Int32], of consumer: Consumer) {
        let consumers = state.withLock { state -> Set<Consumer> in
            state.backlogs.end(slots, of: consumer)
            var held: [StoredEvent] = []
            for slot in slots {
                held += state.held.removeValue(forKey: SlotGroup(slot: slot, consumer: consumer)) ?? []
            }
            return Self.offer(held, to: &state)
        }
        ring(consumers)
    }

    private static let maximumPage = 5_000
}
