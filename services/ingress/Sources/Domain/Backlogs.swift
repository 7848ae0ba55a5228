/// The events of one slot for one consumer: they fall behind, and catch up, together.
struct SlotGroup: Hashable, Sendable {
    var slot: Int32
    var consumer: Consumer
}

/// Which groups wait in the table instead of in memory, and how far they have been read from there.
///
/// A group is behind after a takeover and when memory had no room for one of its events. Until it has caught up, its new
/// events are left to the table, in whose order they are read. A pure machine; ids only.
struct Backlogs {
    private struct Backlog {
        /// Everything up to here has been offered or needs no offer.
        var after: Int64
        /// Set while the last part is read: what arrives meanwhile is kept for afterwards.
        var isJoining = false
        /// Set when it fell behind once more meanwhile: it must be read again from `after`.
        var isBegunAgain = false
    }

    private var backlogs: [SlotGroup: Backlog] = [:]
    /// Handled although above the reading marks; reading passes over them.
    private var handled: Set<Int64> = []

    var isEmpty: Bool { backlogs.isEmpty }
    var count: Int { backlogs.count }

    /// What to do with a new event.
    enum Admission: Equatable {
        /// Its group is in memory.
        case live
        /// Its group catches up at this moment: offer it after `end`.
        case later
        /// It will be read from the table.
        case never
    }

    func admission(to group: SlotGroup) -> Admission {
        guard let backlog = backlogs[group] else { return .live }
        return backlog.isJoining && !backlog.isBegunAgain ? .later : .never
    }

    /// Leaves a group to the table.
    ///
    /// - Parameters:
    ///   - after: A boundary up to which everything has been offered.
    ///   - handled: Ids above it that are handled already.
    mutating func begin(_ group: SlotGroup, after: Int64, handled: some Sequence<Int64>) {
        self.handled.formUnion(handled)
        let isJoining = backlogs[group]?.isJoining ?? false
        backlogs[group] = Backlog(
            after: min(after, backlogs[group]?.after ?? after),
            isJoining: isJoining,
            isBegunAgain: isJoining
        )
    }

    /// Notes that an event has been handled: if it lies above the reading mark, reading must pass over it.
    mutating func complete(_ id: Int64, _ group: SlotGroup) {
        if let backlog = backlogs[group], id > backlog.after { handled.insert(id) }
    }

    /// What to read next for a consumer; nil if nothing of it is behind.
    func reading(for consumer: Consumer) -> (slots: [Int32], after: Int64)? {
        let behind = backlogs.filter { $0.key.consumer == consumer }
        guard let after = behind.values.map(\.after).min() else { return nil }
        return (behind.keys.map(\.slot).sorted(), after)
    }

    /// Whether an event that was read is to be offered.
    func admits(_ id: Int64, _ group: SlotGroup) -> Bool {
        guard let backlog = backlogs[group] else { return false }
        return id > backlog.after && !handled.contains(id)
    }

    /// Notes that everything of these slots up to `id` has been read and offered.
    mutating func advance(_ slots: [Int32], of consumer: Consumer, to id: Int64) {
        for slot in slots {
            let group = SlotGroup(slot: slot, consumer: consumer)
            if let after = backlogs[group]?.after { backlogs[group]?.after = max(after, id) }
        }
        if let lowest = backlogs.values.map(\.after).min() { handled = handled.filter { $0 > lowest } }
    }

    /// From now on what arrives is kept for `end`.
    mutating func join(_ slots: [Int32], of consumer: Consumer) {
        for slot in slots { backlogs[SlotGroup(slot: slot, consumer: consumer)]?.isJoining = true }
    }

    /// These groups have caught up, except those that fell behind once more.
    mutating func end(_ slots: [Int32], of consumer: Consumer) {
        for slot in slots {
            let group = SlotGroup(slot: slot, consumer: consumer)
            let isBehind = backlogs[group]?.isBegunAgain ?? false
            backlogs[group] = isBehind ? Backlog(after: backlogs[group]?.after ?? 0) : nil
        }
        if backlogs.isEmpty { handled = [] }
    }

    /// Forgets a slot that another instance owns now.
    mutating func drop(slot: Int32) {
        for consumer in Consumer.allCases { backlogs[SlotGroup(slot: slot, consumer: consumer)] = nil }
        if backlogs.isEmpty { handled = [] }
    }

    /// How far the slot's mark may go at most; nil if nothing of it is behind.
    func limit(of slot: Int32) -> Int64? {
        Consumer.allCases.compactMap { backlogs[SlotGroup(slot: slot, consumer: $0)]?.after }.min()
    }
}
