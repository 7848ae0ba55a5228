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

    @Test(arguments: [0.0003, 0.006])
    func `allows a second flight on a disk that takes a millisecond, whatever the work takes`(work: Double) {
        #expect(pace(work: work, flight: work + 0.001).allowsSecond)
        #expect(!pace(work: work, flight: work + 0.0008).allowsSecond)
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

    @Test func `remembers a quick look while all flights of later ones wait for a processor`() {
        var pace = pace(work: 0.0004, flight: 0.0008)
        for busyLook in 1...CommitPace.memory {
            for _ in 0..<CommitPace.period { pace.pass() }
            for _ in 0..<CommitPace.looks { pace.note(work: 0.0004, flight: 0.0028) }
            #expect(pace.allowsSecond == (busyLook == CommitPace.memory))
        }
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
