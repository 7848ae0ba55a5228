internal import Foundation
internal import LocalSystem

/// The result of a benchmark or proof: figures, targets and the one JSON line that ends its output.
///
/// The line has the form `{"bench":…,"figures":{…},"targets":{…},"holds":…}`; names are snake_case and end in their unit.
package struct Bench: Sendable {
    /// What a figure must be.
    package enum Bound: Sendable, Equatable {
        case atLeast(Double)
        case atMost(Double)
        /// For counts that must be exact, such as lost operations.
        case equal(Double)

        func holds(for value: Double) -> Bool {
            switch self {
            case .atLeast(let bound): value >= bound
            case .atMost(let bound): value <= bound
            case .equal(let bound): value == bound
            }
        }

        var text: String {
            switch self {
            case .atLeast(let bound): ">= \(Bench.format(bound))"
            case .atMost(let bound): "<= \(Bench.format(bound))"
            case .equal(let bound): "= \(Bench.format(bound))"
            }
        }
    }

    /// The make target's name, e.g. `bench-http`.
    package let name: String
    private var figures: [(name: String, value: Double, bound: Bound?)] = []

    package init(_ name: String) { self.name = name }

    /// Notes a figure without a target.
    package mutating func note(_ figure: String, _ value: Double) { figures.append((figure, value, nil)) }

    /// Notes a figure and what it must be.
    package mutating func require(_ figure: String, _ value: Double, _ bound: Bound) {
        figures.append((figure, value, bound))
    }

    /// Whether every target holds; NaN never does.
    package var holds: Bool { figures.allSatisfy { $0.bound?.holds(for: $0.value) ?? true } }

    /// Prints the targets as a table, then the JSON line.
    ///
    /// - Returns: The exit code: 0 only if every target holds.
    package func finish() -> Int32 {
        let rows = figures.compactMap { figure in
            figure.bound.map { bound in
                [
                    figure.name, Self.format(figure.value), bound.text,
                    bound.holds(for: figure.value) ? "holds" : "MISSED",
                ]
            }
        }
        if !rows.isEmpty { Console.say("\n" + TextTable([["target", "measured", "wanted", ""]] + rows).text) }
        Console.say(json)
        return holds ? 0 : 1
    }

    var json: String {
        let values = figures.map { "\"\($0.name)\":\(Self.number($0.value))" }.joined(separator: ",")
        let targets = figures.compactMap { figure in figure.bound.map { "\"\(figure.name)\":\"\($0.text)\"" } }
            .joined(separator: ",")
        return "{\"bench\":\"\(name)\",\"figures\":{\(values)},\"targets\":{\(targets)},\"holds\":\(holds)}"
    }

    /// JSON knows no NaN and no infinity.
    private static func number(_ value: Double) -> String { value.isFinite ? format(value) : "null" }

    /// Whole from 100 on, three significant digits below.
    package static func format(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        switch abs(value) {
        case 100...: return String(format: "%.0f", value)
        case 10..<100: return String(format: "%.1f", value)
        case 1..<10: return String(format: "%.2f", value)
        default: return String(format: "%.4f", value)
        }
    }
}

extension Collection<Double> {
    /// The middle value, of an even count the mean of the two in the middle; NaN if there is none.
    package var median: Double {
        let sorted = sorted()
        guard let last = sorted.indices.last else { return .nan }
        return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
    }
}
