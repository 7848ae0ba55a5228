internal import Foundation
internal import LocalSystem

/// A run of wrk, a closed-loop load generator: each connection sends its next request when it has the answer.
package struct Wrk: Sendable {
    /// What wrk reports at the end.
    package struct Result: Sendable {
        package let requestsPerSecond: Double
        package let p50Milliseconds: Double
        package let p99Milliseconds: Double
        package let requests: Double
        /// Answers that were neither 2xx nor 3xx.
        package let refused: Double
        /// Connect, read, write and time-out errors.
        package let socketErrors: Double
    }

    package var url: String
    package var connections: Int
    package var seconds: Int
    /// A Lua script; its arguments follow.
    package var script: String?
    package var arguments: [String] = []
    package var threads = 1

    package init(
        url: String,
        connections: Int,
        seconds: Int,
        script: String? = nil,
        arguments: [String] = [],
        threads: Int = 1
    ) {
        self.url = url
        self.connections = connections
        self.seconds = seconds
        self.script = script
        self.arguments = arguments
        self.threads = threads
    }

    package func run() async throws -> Result {
        var words = ["-t\(threads)", "-c\(connections)", "-d\(seconds)s", "--latency", "--timeout", "10s"]
        if let script { words += ["-s", script] }
        words += [url] + (arguments.isEmpty ? [] : ["--"] + arguments)
        return Self.parse(try await Tool.output(Tool.find("wrk", package: "wrk"), words))
    }

    /// Figures that wrk did not print are NaN or, for errors, 0.
    static func parse(_ text: String) -> Result {
        func first(_ pattern: Regex<(Substring, Substring)>) -> Substring? { text.firstMatch(of: pattern)?.1 }
        let errors = text.firstMatch(of: /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/)
        let socketErrors = errors.map { [$0.1, $0.2, $0.3, $0.4].compactMap { Double($0) }.reduce(0, +) }
        return Result(
            requestsPerSecond: first(/Requests\/sec:\s+([\d.]+)/).flatMap { Double($0) } ?? .nan,
            p50Milliseconds: first(/\n\s+50%\s+(\S+)/).map(milliseconds) ?? .nan,
            p99Milliseconds: first(/\n\s+99%\s+(\S+)/).map(milliseconds) ?? .nan,
            requests: first(/(\d+) requests in/).flatMap { Double($0) } ?? .nan,
            refused: first(/Non-2xx or 3xx responses: (\d+)/).flatMap { Double($0) } ?? 0,
            socketErrors: socketErrors ?? 0
        )
    }

    /// From wrk's `870.00us`, `1.23ms`, `1.05s`, `1.02m`.
    private static func milliseconds(_ text: Substring) -> Double {
        for (unit, factor) in [("us", 0.001), ("ms", 1), ("s", 1_000), ("m", 60_000)] where text.hasSuffix(unit) {
            return (Double(text.dropLast(unit.count)) ?? .nan) * factor
        }
        return .nan
    }
}
