import Testing

@testable import IngressService

@Suite struct `The pace of commits` {
    private func pace(work: Double, flights: [Double]) -> CommitPace {
        var pace = CommitPace()
        for flight in flights { pace.note(work: work, flight: flight) }
        return pace
    }

    private func pace(work: Double, flight: Double, flights: Int = CommitPace.looks) -> CommitPace {
        pace(work: work, flights: Array(repeating: flight, count: flights))
    }

    @Test func `allows a second flight on a disk that takes a millisecond and longer than the work`() {
        #expect(pace(work: 0.0006, flight: 0.002).allowsSecond)
    }

    @Test func `allows none on a disk that is quick or takes less than the work`() {
        #expect(!pace(work: 0.0003, flight: 0.0011).allowsSecond)
        #expect(!pace(work: 0.006, flight: 0.009).allowsSecond)
    }

    @Test func `says nothing before the last flight of a look`() {
        let early = pace(work: 0.0003, flight: 0.003, flights: CommitPace.looks - 1)
        #expect(early.isLooking && !early.allowsSecond)
        #expect(CommitPace().isLooking && !CommitPace().allowsSecond)
    }

    @Test func `takes no busy machine for a slow disk`() {
        // All flights but one wait two milliseconds for a processor.
        #expect(!pace(work: 0.0004, flights: [0.0008] + Array(repeating: 0.0028, count: 15)).allowsSecond)
    }

    @Test func `looks again after some hundred flights, one at a time`() {
        var pace = pace(work: 0.0003, flight: 0.003)
        for _ in 1..<CommitPace.period { pace.pass() }
        #expect(pace.allowsSecond && !pace.isLooking)
        pace.pass()
        #expect(pace.isLooking && !pace.allowsSecond)
        for _ in 0..<CommitPace.looks { pace.note(work: 0.0003, flight: 0.0005) }
        #expect(!pace.isLooking && !pace.allowsSecond)
    }
}
