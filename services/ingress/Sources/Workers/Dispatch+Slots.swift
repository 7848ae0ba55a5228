internal import Concurrency
internal import Contracts

// Which slots are this instance's.

extension Dispatch {
    /// Takes slots over: their events above the marks are behind, those in `open` come first.
    ///
    /// - Parameter done: Ids above the marks that the former owner has handled.
    func take(_ slots: [SlotStore.Taken], open: [StoredEvent], done: Set<Int64>) {
        let consumers = state.withLock { state -> Set<Consumer> in
            // What was read while they were not owned has been left out.
            state.handed = []
            for slot in slots {
                state.owned.insert(slot.slot)
                for consumer in Consumer.allCases {
                    let group = SlotGroup(slot: slot.slot, consumer: consumer)
                    state.backlogs.begin(group, after: slot.lowID, handled: done)
                }
            }
            for stored in open { state.dispatcher.offer(stored) }
            return Set(open.map { Consumer(source: $0.event.source, lane: $0.event.lane) })
        }
        ring(consumers)
    }

    /// Sends nothing new of slots that are about to be given away.
    func leave(_ slots: [Int32]) {
        state.withLock { $0.dispatcher.leave(slots) }
    }

    /// No slot is given away after all.
    func stay() {
        state.withLock { $0.dispatcher.stay() }
        ring(Set(Consumer.allCases))
    }

    /// Whether no call with an event of these slots (of any, if nil) is under way and every outcome is written.
    func isQuiet(_ slots: [Int32]? = nil) -> Bool {
        state.withLock { state in
            let slots = slots.map(Set.init)
            return !state.dispatcher.isInFlight(slots)
                && !(state.completions + state.writing).contains { slots?.contains($0.place.slot) ?? true }
        }
    }

    /// Forgets slots that another instance owns now.
    func drop(_ slots: some Sequence<Int32>) {
        state.withLock { state in
            for slot in slots {
                state.owned.remove(slot)
                state.backlogs.drop(slot: slot)
                for consumer in Consumer.allCases { state.held[SlotGroup(slot: slot, consumer: consumer)] = nil }
                state.dispatcher.drop(slot: slot)
            }
        }
    }
}
