import Testing

@testable import IngressService

@Suite struct `Updates that are known to be committed` {
    @Test func `are told by bot and id`() {
        var known = KnownUpdates()
        known.insert(7, of: "main")
        #expect(known.contains(7, of: "main"))
        #expect(!known.contains(7, of: "other"))
        #expect(!known.contains(8, of: "main"))
    }

    @Test func `are forgotten one by one, and never taken for another`() {
        var known = KnownUpdates()
        for id in 1...100_000 as ClosedRange<Int64> { known.insert(id, of: "main") }
        let found = (1...200_000 as ClosedRange<Int64>).filter { known.contains($0, of: "main") }
        #expect(found == Array(100_000 - 16_383...100_000))
    }

    @Test(arguments: [Int64.min, -1, 0, 1, 1 << 14, Int64.max])
    func `hold no id that was not put there, at the edges either`(id: Int64) {
        var known = KnownUpdates()
        known.insert(5, of: "main")
        #expect(!known.contains(id, of: "main"))
        known.insert(id, of: "main")
        #expect(known.contains(id, of: "main"))
    }

    @Test func `are expected to be none after 64 flights without a repeat, until the next repeat`() {
        var watch = RepeatWatch()
        for _ in 0..<63 { watch.note(hasRepeats: false) }
        #expect(!watch.expectsNone)
        watch.note(hasRepeats: false)
        #expect(watch.expectsNone)
        watch.note(hasRepeats: true)
        #expect(!watch.expectsNone)
    }
}
