import Testing

@testable import IngressService

@Suite struct `The pace of commits` {
    @Test func `gives a slow disk more flights, and a fast one few however busy the processor is`() {
        var pace = CommitPace()
        #expect(pace.flights == CommitPace.flightsOnFastDisk)
        for _ in 0..<CommitPace.remembered { pace.note(nanoseconds: 1_700_000) }
        #expect(pace.flights == CommitPace.flightsOnSlowDisk)
        pace.note(nanoseconds: 400_000)
        #expect(pace.flights == CommitPace.flightsOnFastDisk)
        for _ in 1..<CommitPace.remembered {
            pace.note(nanoseconds: 9_000_000)
            #expect(pace.flights == CommitPace.flightsOnFastDisk)
        }
        pace.note(nanoseconds: 9_000_000)
        #expect(pace.flights == CommitPace.flightsOnSlowDisk)
    }
}
