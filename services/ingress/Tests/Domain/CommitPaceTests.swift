import Testing

@testable import IngressService

@Suite struct `The pace of commits` {
    private func pace(work: Double, flight: Double, flights: Int = 64) -> CommitPace {
        var pace = CommitPace()
        for _ in 0..<flights { pace.note(work: work, flight: flight) }
        return pace
    }

    @Test func `calls a disk slow that takes a millisecond and longer than the work`() {
        #expect(pace(work: 0.0006, flight: 0.002).isDiskSlow)
    }

    @Test func `calls no disk slow that is quick or waits for less than the work`() {
        #expect(!CommitPace().isDiskSlow)
        #expect(!pace(work: 0.0003, flight: 0.0011).isDiskSlow)
        #expect(!pace(work: 0.006, flight: 0.009).isDiskSlow)
    }

    @Test func `is not moved by one flight that hangs for a moment, and forgets one that hung for long`() {
        var pace = pace(work: 0.0003, flight: 0.0005)
        pace.note(work: 0.0003, flight: 0.004)
        #expect(!pace.isDiskSlow)
        pace.note(work: 0.0003, flight: 1)
        #expect(pace.isDiskSlow)
        for _ in 0..<64 { pace.note(work: 0.0003, flight: 0.0005) }
        #expect(!pace.isDiskSlow)
    }
}
