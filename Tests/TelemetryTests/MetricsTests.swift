import Telemetry
import Testing

@Suite struct MetricsTests {
    private let metrics = Metrics(service: "billing")
    private var text: String { String(decoding: metrics.render(), as: UTF8.self) }
    private var dropped: Bool { !text.contains("atelier_telemetry_dropped_total{service=\"billing\"} 0\n") }

    @Test func `counters, gauges and histograms are written as Prometheus reads them`() {
        metrics.counter("atelier_holds_total", "Holds.", labels: ["outcome"]).add(2, "ok")
        metrics.gauge("atelier_depth", "Depth.").set(1.5)
        let seconds = metrics.histogram("atelier_call_seconds", "Calls.", labels: ["route"], buckets: [0.1, 1])
        for value in [0.05, 0.1, 0.5, 3] { seconds.observe(value, "/v1") }
        metrics.gauge("atelier_read", "Read.") { 7 }

        let expected = """
            # HELP atelier_call_seconds Calls.
            # TYPE atelier_call_seconds histogram
            atelier_call_seconds_bucket{service="billing",route="/v1",le="0.1"} 2
            atelier_call_seconds_bucket{service="billing",route="/v1",le="1"} 3
            atelier_call_seconds_bucket{service="billing",route="/v1",le="+Inf"} 4
            atelier_call_seconds_sum{service="billing",route="/v1"} 3.65
            atelier_call_seconds_count{service="billing",route="/v1"} 4
            # HELP atelier_depth Depth.
            # TYPE atelier_depth gauge
            atelier_depth{service="billing"} 1.5
            # HELP atelier_holds_total Holds.
            # TYPE atelier_holds_total counter
            atelier_holds_total{service="billing",outcome="ok"} 2
            # HELP atelier_read Read.
            # TYPE atelier_read gauge
            atelier_read{service="billing"} 7

            """
        #expect(text.hasPrefix(expected))
        #expect(!dropped)
    }

    @Test func `asking twice for a name gives the same instrument`() {
        metrics.counter("atelier_x_total", "X.").add()
        metrics.counter("atelier_x_total", "X.").add()
        #expect(metrics.counter("atelier_x_total", "X.").value() == 2)
    }

    @Test func `a wrong number of labels is counted and harmless`() {
        let counter = metrics.counter("atelier_x_total", "X.", labels: ["a"])
        counter.add(1)
        counter.add(1, "b", "c")
        #expect(text.contains("atelier_telemetry_dropped_total{service=\"billing\"} 2\n"))
        #expect(!text.contains("atelier_x_total{"))
    }

    @Test func `one name with two kinds is counted and harmless`() {
        metrics.counter("atelier_x_total", "X.").add(5)
        metrics.gauge("atelier_x_total", "X.").set(9)
        #expect(text.contains("atelier_x_total{service=\"billing\"} 5\n"))
        #expect(dropped)
    }

    @Test func `a label that takes any value stops at a thousand series`() {
        let counter = metrics.counter("atelier_x_total", "X.", labels: ["user"])
        for user in 0..<1_500 { counter.add(1, "u\(user)") }
        #expect(text.contains("atelier_telemetry_dropped_total{service=\"billing\"} 500\n"))
        counter.add(1, "u1")
        #expect(counter.value("u1") == 2)
    }

    @Test func `label values and help are escaped`() {
        metrics.counter("atelier_x_total", "A \\ and\na line.", labels: ["a"]).add(1, "q\"\\\n")
        #expect(text.contains(#"# HELP atelier_x_total A \\ and\na line."#))
        #expect(text.contains(#"atelier_x_total{service="billing",a="q\"\\\n"} 1"#))
    }

    @Test(arguments: ["", "9lives", "with-dash", "with space", "ünder"])
    func `a name that Prometheus can't read is left out`(name: String) {
        metrics.counter(name, "X.").add()
        #expect(dropped)
    }

    @Test func `special numbers have Prometheus' spelling, and an unknown one is left out`() {
        metrics.gauge("atelier_a", "A.").set(.infinity)
        metrics.gauge("atelier_b", "B.") { .nan }
        #expect(text.contains("atelier_a{service=\"billing\"} +Inf\n"))
        #expect(!text.contains("atelier_b"))
    }

    @Test func `many tasks lose no count`() async {
        let counter = metrics.counter("atelier_x_total", "X.", labels: ["a"])
        let bound = metrics.counter("atelier_y_total", "Y.").bound()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        counter.add(1, "t\(task % 2)")
                        bound.add()
                    }
                }
            }
        }
        #expect(counter.value("t0") + counter.value("t1") == 8_000)
        #expect(metrics.counter("atelier_y_total", "Y.").value() == 8_000)
    }
}

@Suite struct TraceContextTests {
    @Test func `a traceparent reads back as it was written`() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let trace = TraceContext(traceparent: text)
        #expect(trace?.traceparent == text)
        #expect(trace?.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(trace?.spanID == "00f067aa0ba902b7")
        let started = TraceContext.start()
        #expect(TraceContext(traceparent: started.traceparent) == started)
    }

    @Test func `a child is another span of the same trace`() {
        let trace = TraceContext.start()
        #expect(trace.child().traceID == trace.traceID)
        #expect(trace.child().spanID != trace.spanID)
    }

    @Test func `a later version is read by its first fields`() {
        let text = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"
        #expect(TraceContext(traceparent: text)?.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
    }

    @Test(arguments: [
        "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ])
    func `a malformed traceparent is refused`(text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }
}
