/// Ids of events in memory that are not completed, by slot: those that only their slot's mark leads back to, and those that are
/// parked.
struct UndoneIDs {
    private var unmarked: [Set<Int64>] = Array(repeating: [], count: Slot.count)
    private var parked: [Set<Int64>] = Array(repeating: [], count: Slot.count)

    /// Ids of the slot that are not parked.
    subscript(slot: Int32) -> Set<Int64> { unmarked[Int(slot)] }

    /// - Returns: Whether the id was not there.
    mutating func insert(_ id: Int64, of slot: Int32, isParked: Bool) -> Bool {
        let slot = Int(slot)
        if isParked { return !unmarked[slot].contains(id) && parked[slot].insert(id).inserted }
        return !parked[slot].contains(id) && unmarked[slot].insert(id).inserted
    }

    mutating func park(_ id: Int64, of slot: Int32) {
        unmarked[Int(slot)].remove(id)
        parked[Int(slot)].insert(id)
    }

    mutating func remove(_ id: Int64, of slot: Int32, isParked: Bool) {
        if isParked { parked[Int(slot)].remove(id) } else { unmarked[Int(slot)].remove(id) }
    }

    mutating func removeAll(of slot: Int32) {
        unmarked[Int(slot)] = []
        parked[Int(slot)] = []
    }
}
