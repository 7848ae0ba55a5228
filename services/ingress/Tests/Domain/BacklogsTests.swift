import Testing

@testable import IngressService

@Suite struct `Groups that are behind` {
    private let group = SlotGroup(slot: 1, consumer: .conversation)
    private let other = SlotGroup(slot: 1, consumer: .payments)

    @Test func `keep one consumer's events from memory and let another's pass`() {
        var backlogs = Backlogs()
        backlogs.begin(group, after: 10, handled: [])
        #expect(backlogs.admission(to: group) == .never)
        #expect(backlogs.admission(to: other) == .live)
        backlogs.join([1], of: .conversation)
        #expect(backlogs.admission(to: group) == .later)
        backlogs.end([1], of: .conversation)
        #expect(backlogs.admission(to: group) == .live)
        #expect(backlogs.isEmpty)
    }

    @Test func `are read again if they fall behind once more while they catch up`() {
        var backlogs = Backlogs()
        backlogs.begin(group, after: 10, handled: [])
        backlogs.advance([1], of: .conversation, to: 20)
        backlogs.join([1], of: .conversation)
        backlogs.begin(group, after: 15, handled: [])
        #expect(backlogs.admission(to: group) == .never)
        backlogs.advance([1], of: .conversation, to: 22)
        backlogs.end([1], of: .conversation)
        #expect(backlogs.admission(to: group) == .never)
        #expect(backlogs.reading(for: .conversation)?.after == 22)
        backlogs.join([1], of: .conversation)
        backlogs.end([1], of: .conversation)
        #expect(backlogs.isEmpty)
    }

    @Test func `pass over what was handled above the reading mark`() {
        var backlogs = Backlogs()
        backlogs.begin(group, after: 10, handled: [12])
        backlogs.complete(13, group)
        backlogs.complete(9, group)
        backlogs.complete(14, other)
        let admitted = (9...15 as ClosedRange<Int64>).filter { backlogs.admits($0, group) }
        #expect(admitted == [11, 14, 15])
        backlogs.advance([1], of: .conversation, to: 14)
        #expect((9...16 as ClosedRange<Int64>).filter { backlogs.admits($0, group) } == [15, 16])
    }

    @Test func `hold the slot's mark back and are read from the lowest on`() {
        var backlogs = Backlogs()
        backlogs.begin(group, after: 10, handled: [])
        backlogs.begin(other, after: 7, handled: [])
        backlogs.begin(SlotGroup(slot: 2, consumer: .conversation), after: 5, handled: [])
        #expect(backlogs.limit(of: 1) == 7)
        #expect(backlogs.limit(of: 3) == nil)
        #expect(backlogs.reading(for: .conversation)?.slots == [1, 2])
        #expect(backlogs.reading(for: .conversation)?.after == 5)
        #expect(backlogs.reading(for: .generation) == nil)
        backlogs.advance([1, 2], of: .conversation, to: 8)
        #expect(backlogs.limit(of: 2) == 8)
        backlogs.drop(slot: 2)
        #expect(backlogs.reading(for: .conversation)?.after == 10)
    }

    @Test func `that begin anew keep the lower mark`() {
        var backlogs = Backlogs()
        backlogs.begin(group, after: 10, handled: [])
        backlogs.begin(group, after: 20, handled: [])
        #expect(backlogs.limit(of: 1) == 10)
    }
}
