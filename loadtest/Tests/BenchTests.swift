import Testing

@testable import LoadtestKit

@Suite struct BenchTests {
    @Test func `a bench holds only if every target does`() {
        var bench = Bench("bench-x")
        bench.note("seconds", 3)
        bench.require("ops_per_second", 20_000, .atLeast(20_000))
        #expect(bench.holds)
        bench.require("p99_ms", 20.5, .atMost(20))
        #expect(!bench.holds)
        #expect(bench.finish() == 1)
        #expect(
            bench.json == #"{"bench":"bench-x","figures":{"seconds":3,"ops_per_second":20000,"p99_ms":20.5},"#
                + #""targets":{"ops_per_second":">= 20000","p99_ms":"<= 20"},"holds":false}"#
        )
    }

    @Test func `a figure that could not be measured never holds`() {
        var bench = Bench("bench-x")
        bench.require("p99_ms", .nan, .atMost(20))
        #expect(!bench.holds && bench.json.contains(#""p99_ms":null"#))
    }

    @Test func `the median of an even count lies between the two in the middle`() {
        #expect([4.0, 1, 3, 2].median == 2.5)
        #expect([3.0, 1, 2].median == 2)
        #expect([Double]().median.isNaN)
    }

    @Test(arguments: [1, 100, 127, 128, 1_000, 65_535, 1_000_000, 999_999_999])
    func `a latency is found again within a sixtyfourth of itself`(nanoseconds: Int64) {
        var recorder = LatencyRecorder()
        recorder.record(.nanoseconds(nanoseconds))
        let found = (recorder.milliseconds(0.99) * 1e6).rounded()
        #expect(found >= Double(nanoseconds) && found <= Double(nanoseconds) * (1 + 1.0 / 64))
    }

    @Test func `percentiles rank all latencies`() {
        var recorder = LatencyRecorder()
        for milliseconds in 1...100 { recorder.record(.milliseconds(milliseconds)) }
        #expect(abs(recorder.milliseconds(0.5) - 50) < 1)
        #expect(abs(recorder.milliseconds(0.99) - 99) < 2)
    }

    @Test func `wrk's report is read`() {
        let result = Wrk.parse(
            """
            Running 2s test @ http://127.0.0.1:8080/
              Latency Distribution
                 50%  623.00us
                 75%    0.90ms
                 90%    1.10ms
                 99%    2.44ms
              120034 requests in 2.00s, 17.05MB read
              Socket errors: connect 0, read 3, write 1, timeout 2
              Non-2xx or 3xx responses: 7
            Requests/sec:  60010.37
            """
        )
        #expect(result.requestsPerSecond == 60_010.37 && result.requests == 120_034)
        #expect(result.p50Milliseconds == 0.623 && result.p99Milliseconds == 2.44)
        #expect(result.refused == 7 && result.socketErrors == 6)
    }
}
