internal import Concurrency

/// The metrics of one process, rendered as Prometheus text.
///
/// Instruments are made once, at start, and kept; asking twice for a name gives the same one. Names are written in full
/// (`atelier_billing_holds_total`), so that a search finds them; every sample also carries `service="…"`, which tells
/// the services apart in metrics of shared modules (`atelier_http_…`). A mistake at run time (wrong number of label
/// values, too many series, one name with two kinds) never stops a service: it is counted in
/// `atelier_telemetry_dropped_total`.
package final class Metrics: Sendable {
    /// The executable's name.
    package let service: String
    private let instruments = Locked<[String: Instrument]>([:])
    private let drops: DropCount

    package init(service: String) {
        self.service = service
        self.drops = DropCount()
        let drops = drops
        counter(
            "atelier_telemetry_dropped_total",
            "Samples refused: wrong labels, too many series or a name in double use."
        ) {
            Double(drops.count)
        }
    }

    /// A count that only grows. The name ends in `_total`.
    package func counter(_ name: String, _ help: String, labels: [String] = []) -> Counter {
        let series = series(name, help, .counter, labels, make: AtomicCount.init)
        return Counter(series: series)
    }

    /// A count kept elsewhere, read when metrics are rendered.
    package func counter(_ name: String, _ help: String, read: @escaping @Sendable () -> Double) {
        add(Instrument(name: name, help: help, kind: .counter, labels: [], content: .read(read)))
    }

    /// A number that goes up and down.
    package func gauge(_ name: String, _ help: String, labels: [String] = []) -> Gauge {
        Gauge(series: series(name, help, .gauge, labels, make: AtomicNumber.init))
    }

    /// A number kept elsewhere, read when metrics are rendered; NaN leaves the sample out. The last reader of a name wins.
    package func gauge(_ name: String, _ help: String, read: @escaping @Sendable () -> Double) {
        add(Instrument(name: name, help: help, kind: .gauge, labels: [], content: .read(read)))
    }

    /// A distribution. The name ends in its unit, `_seconds` or `_bytes`.
    ///
    /// - Parameter buckets: Upper bounds, ascending, without infinity.
    package func histogram(
        _ name: String,
        _ help: String,
        labels: [String] = [],
        buckets: [Double] = .latencySeconds
    ) -> Histogram {
        Histogram(series: series(name, help, .histogram, labels) { BucketCounts(bounds: buckets) })
    }

    /// Prometheus text exposition format 0.0.4, names sorted.
    package func render() -> [UInt8] {
        let all = instruments.withLock { Array($0.values) }.sorted { $0.name < $1.name }
        var text = PrometheusText(service: service)
        for instrument in all { text.append(instrument) }
        return text.bytes
    }

    /// The names of all metrics that exist now, sorted, for the test that compares them with the documentation.
    package var names: [String] { instruments.withLock { $0.keys.sorted() } }

    private func series<Cell: MetricCell>(
        _ name: String,
        _ help: String,
        _ kind: MetricKind,
        _ labels: [String],
        make: @escaping @Sendable () -> Cell
    ) -> MetricSeries<Cell> {
        let drops = drops
        return instruments.withLock { instruments in
            if let found = instruments[name] {
                if found.kind == kind, found.labels == labels, let series = found.content.series as? MetricSeries<Cell>
                {
                    return series
                }
                drops.add()  // One name with two meanings: the second one records into the void.
                return MetricSeries(labelCount: labels.count, drops: drops, make: make)
            }
            let series = MetricSeries(labelCount: labels.count, drops: drops, make: make)
            guard PrometheusText.isName(name), labels.allSatisfy(PrometheusText.isName) else {
                drops.add()
                return series
            }
            instruments[name] = Instrument(name: name, help: help, kind: kind, labels: labels, content: .series(series))
            return series
        }
    }

    private func add(_ instrument: Instrument) {
        instruments.withLock { $0[instrument.name] = instrument }
    }
}

extension [Double] {
    /// 0.5 ms to 30 s, for the time that calls take.
    package static let latencySeconds: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]
    /// 1 s to 1 h, for the time that jobs take.
    package static let jobSeconds: [Double] = [1, 2.5, 5, 10, 20, 40, 60, 90, 120, 180, 300, 600, 1_200, 3_600]
    /// 1 to 1,024, for the sizes of batches.
    package static let batchSizes: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]
    /// 256 B to 64 MiB.
    package static let sizeBytes: [Double] = [
        256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 67_108_864,
    ]
}
