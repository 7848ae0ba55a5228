internal import Foundation
internal import LocalSystem

/// A run of h2load, a closed-loop load generator for HTTP/2: each stream sends its next request when it has the answer.
package struct H2Load: Sendable {
    /// What h2load reports at the end.
    package struct Result: Sendable {
        package let requestsPerSecond: Double
        /// h2load knows no percentiles.
        package let meanMilliseconds: Double
        package let maximumMilliseconds: Double
        package let requests: Double
        /// Requests that failed, or were answered neither 2xx nor 3xx.
        package let errors: Double
    }

    package var url: String
    package var clients = 8
    package var streams = 32
    package var seconds: Int
    /// A file that every request carries as its body; nil for GET.
    package var body: String?
    package var headers: [String] = []

    package init(url: String, seconds: Int, body: String? = nil, headers: [String] = []) {
        self.url = url
        self.seconds = seconds
        self.body = body
        self.headers = headers
    }

    package func run() async throws -> Result {
        var words = ["-t1", "-c\(clients)", "-m\(streams)", "-D\(seconds)"]
        if let body { words += ["-d", body] }
        for header in headers { words += ["-H", header] }
        return Self.parse(try await Tool.output(Tool.find("h2load", package: "nghttp2-client"), words + [url]))
    }

    /// Figures that h2load did not print are NaN or, for errors, 0.
    static func parse(_ text: String) -> Result {
        func first(_ pattern: Regex<(Substring, Substring)>) -> Substring? { text.firstMatch(of: pattern)?.1 }
        let failed = first(/(\d+) failed/).flatMap { Double($0) } ?? 0
        let refused = text.firstMatch(of: /(\d+) 4xx, (\d+) 5xx/)
        let times = text.firstMatch(of: /time for request:\s+\S+\s+(\S+)\s+(\S+)/)
        return Result(
            requestsPerSecond: first(/, ([\d.]+) req\/s/).flatMap { Double($0) } ?? .nan,
            meanMilliseconds: times.map { milliseconds($0.2) } ?? .nan,
            maximumMilliseconds: times.map { milliseconds($0.1) } ?? .nan,
            requests: first(/(\d+) succeeded/).flatMap { Double($0) } ?? .nan,
            errors: failed + (refused.map { [$0.1, $0.2].compactMap { Double($0) }.reduce(0, +) } ?? 0)
        )
    }

    /// From h2load's `870us`, `1.23ms`, `1.05s`.
    private static func milliseconds(_ text: Substring) -> Double {
        for (unit, factor) in [("us", 0.001), ("ms", 1), ("s", 1_000)] where text.hasSuffix(unit) {
            return (Double(text.dropLast(unit.count)) ?? .nan) * factor
        }
        return .nan
    }
}
