import PaymentsService
import Testing

@Suite struct FollowUpTests {
    @Test func `a pending payment is read in growing intervals for 70 minutes, then hourly, then given up`() {
        var age = Duration.zero
        var reads = 0
        var last = Duration.zero
        while let delay = FollowUp.readingDelay(age: age), age < FollowUp.closeWatch {
            #expect(delay >= last)
            #expect(delay >= .seconds(10) && delay <= .seconds(300))
            last = delay
            age = age + delay
            reads += 1
        }
        #expect((15...40).contains(reads))
        #expect(FollowUp.readingDelay(age: FollowUp.closeWatch) == .seconds(3_600))
        #expect(FollowUp.readingDelay(age: FollowUp.longWatch) == nil)
    }

    @Test func `a creation without an answer is repeated, never before the provider's hint`() {
        for attempt in 1...60 {
            let delay = FollowUp.creationDelay(attempt: attempt, hint: nil)
            #expect(delay >= .milliseconds(800) && delay <= .seconds(72))
        }
        #expect(FollowUp.creationDelay(attempt: 1, hint: .seconds(40)) == .seconds(40))
        #expect(FollowUp.creationLimit < .seconds(24 * 3_600))
    }

    @Test func `lease and poll heal a crash within ten seconds`() {
        #expect(FollowUp.lease <= .seconds(8))
    }
}

@Suite struct RequestPaceTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `over any time there are no more requests than rate and burst allow`() {
        var pace = RequestPace(perSecond: 5, burst: 5)
        var sent: [UInt64] = []
        var now: UInt64 = 100 * Self.second
        for step in 0..<200 {
            if let wait = pace.take(.person, now: now, patience: 60 * Self.second) { sent.append(now + wait) }
            now += UInt64(step % 7) * 30_000_000
        }
        #expect(sent == sent.sorted())
        for (index, start) in sent.enumerated() {
            let inSecond = sent[index...].prefix { $0 < start + Self.second }.count
            #expect(inSecond <= 10)  // A full burst and a second's worth.
        }
        let span = Double(sent[sent.count - 1] - sent[0]) / 1e9
        #expect(Double(sent.count) <= span * 5 + 6)
    }

    @Test func `who can't wait that long takes nothing`() {
        var pace = RequestPace(perSecond: 1, burst: 1)
        #expect(pace.take(.person, now: Self.second, patience: 0) == 0)
        let before = pace
        #expect(pace.take(.person, now: Self.second, patience: 500_000_000) == nil)
        #expect(pace == before)
        #expect(pace.take(.person, now: Self.second, patience: Self.second) == Self.second)
    }

    @Test func `the sweep leaves room for people`() {
        var pace = RequestPace(perSecond: 5, burst: 5)
        var background = 0
        while pace.take(.background, now: 100 * Self.second, patience: 0) != nil { background += 1 }
        #expect(background == 3)
        #expect(pace.take(.person, now: 100 * Self.second, patience: 0) == 0)
        #expect(pace.take(.person, now: 100 * Self.second, patience: 0) == 0)
        #expect(pace.take(.person, now: 100 * Self.second, patience: 0) == nil)
    }
}

@Suite struct LedgerComparisonTests {
    private func difference(_ ledger: Int64, _ before: (Int64, Int64), _ after: (Int64, Int64)) -> Int64 {
        LedgerComparison.difference(
            ledger: ledger,
            before: .init(credited: before.0, paid: before.1),
            after: .init(credited: after.0, paid: after.1)
        )
    }

    @Test func `credits under way are no difference`() {
        #expect(difference(100, (100, 0), (100, 0)) == 0)
        #expect(difference(100, (100, 50), (100, 50)) == 0)
        #expect(difference(150, (100, 50), (100, 50)) == 0)
        #expect(difference(150, (100, 0), (150, 0)) == 0)
        #expect(difference(150, (100, 0), (100, 50)) == 0)
    }

    @Test func `missing and unexplained credits are`() {
        #expect(difference(90, (100, 0), (100, 0)) == -10)
        #expect(difference(160, (100, 50), (100, 50)) == 10)
    }
}
