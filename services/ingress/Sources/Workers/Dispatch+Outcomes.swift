internal import Concurrency

// What is to be written: completions, and how far each slot is handled.

extension Dispatch {
    /// Takes the completions that have not been written; `confirmWritten` or `restoreUnwritten` comes next.
    func takeCompletions() -> [Dispatcher.Completion] {
        state.withLock { state in
            state.writing = state.completions
            state.completions = []
            return state.writing
        }
    }

    /// The completions that were taken last are in the database.
    func confirmWritten() {
        state.withLock { $0.writing = [] }
    }

    /// The completions that were taken last could not be written.
    func restoreUnwritten() {
        state.withLock { state in
            state.completions = state.writing + state.completions
            state.writing = []
        }
        recordBell.ring()
    }

    /// How far each owned slot is handled, given that every event up to `boundary` has been offered or left to the table.
    func marks(boundary: Int64) -> [SlotStore.Mark] {
        state.withLock { state in
            state.floor = max(state.floor, boundary)
            let floor = state.floor
            state.handed = state.handed.filter { $0 > floor }
            // What is done in memory but not written yet must be found again after a crash.
            var unwritten: [Int32: Set<Int64>] = [:]
            var recent: Set<Int64> = []
            for completion in state.completions + state.writing {
                let (id, slot) = completion.place
                unwritten[slot, default: []].insert(id)
                if completion.isFinal { recent.insert(id) }
            }
            state.completed.age(keeping: recent)
            return state.owned.sorted().map { slot in
                let low = min(boundary, state.backlogs.limit(of: slot) ?? boundary)
                let undone = state.dispatcher.undone(in: slot)
                let open = (unwritten[slot].map { undone.union($0) } ?? undone).filter { $0 <= low }
                guard open.count > SlotStore.Mark.maximumOpen else {
                    return SlotStore.Mark(slot: slot, lowID: low, open: open.sorted())
                }
                let sorted = open.sorted()
                return SlotStore.Mark(
                    slot: slot,
                    lowID: sorted[SlotStore.Mark.maximumOpen] - 1,
                    open: Array(sorted.prefix(SlotStore.Mark.maximumOpen))
                )
            }
        }
    }
}
