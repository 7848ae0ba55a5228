internal import Concurrency
package import Telemetry

/// Keeps log lines in memory, to assert on them and to keep test output quiet.
package final class MemoryLog: LogSink {
    private let kept = Locked<[String]>([])

    package init() {}

    /// A log at level debug that writes here.
    package func log(service: String = "test") -> Log {
        Log(service: service, level: .debug, sink: self)
    }

    /// The lines so far, each one JSON object.
    package var lines: [String] { kept.withLock { $0 } }

    /// Whether a line has this message.
    package func contains(_ message: String) -> Bool {
        lines.contains { $0.contains("\"message\":\"\(message)\"") }
    }

    package func write(_ line: [UInt8]) {
        let text = String(decoding: line, as: UTF8.self)
        kept.withLock { $0.append(text) }
    }

    package func flush() {}
}
