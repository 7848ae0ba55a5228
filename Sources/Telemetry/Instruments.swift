/// A count that only grows.
package struct Counter: Sendable {
    let series: MetricSeries<AtomicCount>

    /// - Parameter labelValues: One for each label, in the order of the labels.
    package func add(_ count: UInt64 = 1, _ labelValues: String...) {
        series.cell(labelValues)?.add(count)
    }

    /// Counts one. `increment("ok")` reads better than `add(1, "ok")`.
    package func increment(_ labelValues: String...) {
        series.cell(labelValues)?.add(1)
    }

    /// The counter of one series, for hot paths: adding to it takes no lock and looks nothing up.
    package func bound(_ labelValues: String...) -> BoundCounter {
        BoundCounter(cell: series.cell(labelValues))
    }

    /// The count of one series now, for tests and health reports.
    package func value(_ labelValues: String...) -> UInt64 {
        guard case .count(let count)? = series.cell(labelValues)?.sample else { return 0 }
        return count
    }
}

/// One series of a counter.
package struct BoundCounter: Sendable {
    let cell: AtomicCount?

    package func add(_ count: UInt64 = 1) {
        cell?.add(count)
    }
}

/// A number that goes up and down.
package struct Gauge: Sendable {
    let series: MetricSeries<AtomicNumber>

    package func set(_ value: Double, _ labelValues: String...) {
        series.cell(labelValues)?.set(value)
    }

    package func add(_ value: Double, _ labelValues: String...) {
        series.cell(labelValues)?.add(value)
    }

    /// The number of one series now, for tests and health reports.
    package func value(_ labelValues: String...) -> Double {
        guard case .number(let number)? = series.cell(labelValues)?.sample else { return 0 }
        return number
    }
}

/// A distribution of seconds or bytes.
package struct Histogram: Sendable {
    let series: MetricSeries<BucketCounts>

    /// Records one value in the metric's unit.
    package func observe(_ value: Double, _ labelValues: String...) {
        series.cell(labelValues)?.observe(value)
    }

    /// How many values one series has recorded, for tests and health reports.
    package func count(_ labelValues: String...) -> UInt64 {
        guard case .buckets(_, let counts, _)? = series.cell(labelValues)?.sample else { return 0 }
        return counts.reduce(0, +)
    }
}

extension Gauge {
    /// The number of one series, for hot paths: nothing is looked up.
    package func bound(_ labelValues: String...) -> BoundGauge {
        BoundGauge(cell: series.cell(labelValues))
    }
}

extension Histogram {
    /// The distribution of one series, for hot paths: nothing is looked up.
    package func bound(_ labelValues: String...) -> BoundHistogram {
        BoundHistogram(cell: series.cell(labelValues))
    }
}

/// One series of a gauge.
package struct BoundGauge: Sendable {
    let cell: AtomicNumber?

    package func set(_ value: Double) {
        cell?.set(value)
    }

    package func add(_ value: Double) {
        cell?.add(value)
    }
}

/// One series of a distribution.
package struct BoundHistogram: Sendable {
    let cell: BucketCounts?

    /// Records one value in the metric's unit.
    package func observe(_ value: Double) {
        cell?.observe(value)
    }
}
