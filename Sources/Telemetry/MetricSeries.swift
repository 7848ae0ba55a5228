internal import Concurrency
internal import Synchronization

enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// One metric with all its series.
struct Instrument: Sendable {
    let name: String
    let help: String
    let kind: MetricKind
    let labels: [String]
    let content: Content

    enum Content: Sendable {
        case series(any RenderedSeries)
        case read(@Sendable () -> Double)

        var series: (any RenderedSeries)? { if case .series(let series) = self { series } else { nil } }
    }
}

/// What a series holds: a count, a number or buckets.
protocol MetricCell: AnyObject, Sendable {
    var sample: MetricSample { get }
}

enum MetricSample: Sendable {
    case count(UInt64)
    case number(Double)
    case buckets(bounds: [Double], counts: [UInt64], sum: Double)
}

protocol RenderedSeries: Sendable {
    /// Label values and sample of every series, sorted by label values.
    var samples: [(labels: [String], sample: MetricSample)] { get }
}

/// How many samples were refused.
final class DropCount: Sendable {
    private let value = Atomic<UInt64>(0)
    var count: UInt64 { value.load(ordering: .relaxed) }
    func add() { value.wrappingAdd(1, ordering: .relaxed) }
}

/// The series of one metric by their label values; at most `maximumSeries`.
///
/// A metric without labels has its one cell at hand and takes no lock.
final class MetricSeries<Cell: MetricCell>: RenderedSeries {
    /// Label values come from closed sets, so more than this is a mistake (an id used as a label).
    private var maximumSeries: Int { 1_000 }
    private let labelCount: Int
    private let drops: DropCount
    private let make: @Sendable () -> Cell
    private let only: Cell?
    private let cells = Locked<[[String]: Cell]>([:])

    init(labelCount: Int, drops: DropCount, make: @escaping @Sendable () -> Cell) {
        self.labelCount = labelCount
        self.drops = drops
        self.make = make
        self.only = labelCount == 0 ? make() : nil
    }

    /// The cell for these label values; nil if their number is wrong or there are too many series already.
    func cell(_ labels: [String]) -> Cell? {
        guard labels.count == labelCount else {
            drops.add()
            return nil
        }
        if let only { return only }
        return cells.withLock { cells in
            if let cell = cells[labels] { return cell }
            guard cells.count < maximumSeries else {
                drops.add()
                return nil
            }
            let cell = make()
            cells[labels] = cell
            return cell
        }
    }

    var samples: [(labels: [String], sample: MetricSample)] {
        if let only { return [([], only.sample)] }
        return cells.withLock { Array($0) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { ($0.key, $0.value.sample) }
    }
}

final class AtomicCount: MetricCell {
    private let value = Atomic<UInt64>(0)
    init() {}
    func add(_ count: UInt64) { value.wrappingAdd(count, ordering: .relaxed) }
    var sample: MetricSample { .count(value.load(ordering: .relaxed)) }
}

/// A number as its bit pattern, so that setting it takes no lock.
final class AtomicNumber: MetricCell {
    private let bits = Atomic<UInt64>(0)

    init() {}

    func set(_ number: Double) { bits.store(number.bitPattern, ordering: .relaxed) }

    func add(_ number: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + number).bitPattern
            let (exchanged, current) = bits.compareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = current
        }
    }

    var sample: MetricSample { .number(Double(bitPattern: bits.load(ordering: .relaxed))) }
}

final class BucketCounts: MetricCell {
    private let bounds: [Double]
    private let state: Locked<(counts: [UInt64], sum: Double)>

    init(bounds: [Double]) {
        self.bounds = bounds
        self.state = Locked((Array(repeating: 0, count: bounds.count + 1), 0))
    }

    func observe(_ value: Double) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }

    var sample: MetricSample {
        let (counts, sum) = state.withLock { $0 }
        return .buckets(bounds: bounds, counts: counts, sum: sum)
    }
}
