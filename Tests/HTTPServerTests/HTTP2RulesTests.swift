import HTTP
import Testing

@testable import HTTPServer

@Suite struct HTTP2FloodGuardTests {
    private static func limits(_ change: (inout HTTP2Limits) -> Void = { _ in }) -> HTTP2Limits {
        var limits = HTTP2Limits()
        limits.resetBurst = 3
        limits.resetsPerSecond = 2
        limits.controlFrameBurst = 3
        limits.controlFramesPerSecond = 1
        limits.continuations = 2
        change(&limits)
        return limits
    }

    private static let second: UInt64 = 1_000_000_000

    /// What each frame, or each of our own resets (nil), is answered with.
    private static func verdicts(
        _ frames: [HTTP2FloodGuard.Frame?],
        _ watch: inout HTTP2FloodGuard
    ) -> [HTTP2FloodGuard.Flood?] {
        var verdicts: [HTTP2FloodGuard.Flood?] = []
        for frame in frames {
            let verdict = if let frame { watch.received(frame, now: second) } else { watch.sentReset(now: second) }
            verdicts.append(verdict)
        }
        return verdicts
    }

    private static func take(_ count: Int, _ bucket: inout TokenBucket, now: UInt64) -> Int {
        (0..<count).filter { _ in bucket.take(now: now) }.count
    }

    @Test func `a burst is let through and then the rate`() {
        var bucket = TokenBucket(burst: 3, perSecond: 2)
        let counts = [
            Self.take(9, &bucket, now: Self.second), Self.take(9, &bucket, now: Self.second + Self.second / 2),
            // A long pause fills it to the brim and no further.
            Self.take(9, &bucket, now: 10_000 * Self.second),
        ]
        #expect(counts == [3, 1, 3])
    }

    @Test func `time that stands still or goes back gives nothing`() {
        var bucket = TokenBucket(burst: 1, perSecond: 1_000_000)
        let counts = [5, 5, 1].map { Self.take(2, &bucket, now: $0 * Self.second) }
        #expect(counts == [1, 0, 0])
    }

    @Test func `resets of the peer and those it makes us send are one budget`() {
        var watch = HTTP2FloodGuard(Self.limits())
        let verdicts = Self.verdicts([.reset, nil, .reset, nil, .request], &watch)
        #expect(verdicts == [nil, nil, nil, .resets, nil])
    }

    @Test func `window updates are free as far as our data calls for them`() {
        var watch = HTTP2FloodGuard(Self.limits())
        for _ in 0..<1_000 {
            watch.sentData()
            let verdicts = Self.verdicts([.windowUpdate, .windowUpdate, .windowUpdate, .windowUpdate], &watch)
            #expect(verdicts == [nil, nil, nil, nil])
        }
        // Four were in reserve, and three are a burst of control frames.
        let verdicts = Self.verdicts(Array(repeating: .windowUpdate, count: 8), &watch)
        #expect(verdicts.firstIndex(of: .controlFrames) == 7)
    }

    @Test func `continuations are counted for each header`() {
        var watch = HTTP2FloodGuard(Self.limits())
        for _ in 0..<10 {
            let verdicts = Self.verdicts([.request, .continuation, .continuation], &watch)
            #expect(verdicts == [nil, nil, nil])
        }
        let last = watch.received(.continuation, now: 1)
        #expect(last == .headerBlock)
    }

    @Test func `control frames and empty data share a budget`() {
        var watch = HTTP2FloodGuard(Self.limits())
        let verdicts = Self.verdicts([.control, .emptyData, .control, .emptyData], &watch)
        #expect(verdicts == [nil, nil, nil, .controlFrames])
    }
}

@Suite struct BodyCreditTests {
    @Test func `credit comes back at once until the budget is used up`() {
        var credit = BodyCredit(budget: 100)
        var returned: [Int] = []
        credit.keep(60)
        returned.append(credit.takeReady())
        credit.keep(60)
        returned.append(credit.takeReady())
        #expect(credit.owed == 20)
        credit.drop(7)
        returned.append(credit.takeReady())
        credit.release(60)
        returned += [credit.takeReady(), credit.takeReady()]
        #expect(returned == [60, 40, 7, 20, 0] && credit.owed == 0)
    }

    @Test func `every byte is credited exactly once, whatever the order`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var credit = BodyCredit(budget: 1_000)
            var (received, returned) = (0, 0)
            var kept: [Int] = []
            for _ in 0..<100 {
                let bytes = Int.random(in: 1...400, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0:
                    credit.drop(bytes)
                    received += bytes
                case 1:
                    credit.keep(bytes)
                    kept.append(bytes)
                    received += bytes
                default: if let bytes = kept.popLast() { credit.release(bytes) }
                }
                returned += credit.takeReady()
                // What is not returned is what the peer has to wait for, and only memory over the budget is.
                #expect(received - returned == credit.owed && credit.owed == max(0, kept.reduce(0, +) - 1_000))
            }
        }
    }
}

@Suite struct PieceQueueTests {
    @Test func `pieces come out in order and in any cut`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            var queue = PieceQueue()
            var output = OutputQueue()
            var expected = 0
            for number in 0..<50 {
                queue.append([UInt8](repeating: UInt8(number), count: number + 1))
                expected += number + 1
                let part = Int.random(in: 0...queue.count, using: &generator)
                queue.move(part, to: &output)
                #expect(output.count == expected - queue.count)
            }
            queue.move(queue.count, to: &output)
            #expect(output.count == expected && queue.count == 0)
        }
    }
}

@Suite struct HTTP2HeadTests {
    private static func head(_ fields: [(String, String)]) -> HTTP2Head {
        var head = HTTP2Head(HTTP1Parser.Limits(HTTPServerConfiguration()))
        for (name, value) in fields {
            head.add(Array(name.utf8).span, Array(value.utf8).span)
        }
        head.finish()
        return head
    }

    private static func request(_ path: String, _ others: [(String, String)] = []) -> HTTP2Head {
        head([(":method", "GET"), (":scheme", "https"), (":authority", "h:1"), (":path", path)] + others)
    }

    @Test func `the authority is the host, and both have to agree`() {
        #expect(Self.request("/").fields["Host"] == "h:1")
        #expect(Self.request("/", [("host", "H:1")]).refusal == nil)
        #expect(Self.request("/", [("host", "h")]).refusal == .host)
        #expect(Self.head([(":authority", "a b")]).refusal == .host)
    }

    @Test(arguments: ["/%", "/%1", "/%zz", "/%00", "/a b", "/\u{7f}", "/ä", "/[", "*"])
    func `a target that HTTP 1 refuses is refused`(_ target: String) {
        #expect(Self.request(target).refusal == .target)
    }

    @Test func `lengths are digits and stand alone`() {
        #expect(Self.request("/", [("content-length", "17")]).length == 17)
        for wrong in ["", "+1", "-1", "1 ", "0x1", "1,1", "9999999999999999999"] {
            #expect(Self.request("/", [("content-length", wrong)]).refusal == .contentLength, "\(wrong)")
        }
        #expect(Self.request("/", [("content-length", "1"), ("content-length", "1")]).refusal == .contentLength)
    }

    @Test func `nothing is kept of a header over its limits, but its size is known`() {
        let head = Self.request("/", (0..<200).map { ("x-\($0)", String(repeating: "v", count: 1_000)) })
        #expect(head.refusal == .headerTooLarge && head.fields.count < 100 && head.bytes > 200_000)
    }
}
