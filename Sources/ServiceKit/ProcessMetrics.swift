internal import EventLoop
internal import Foundation
package import Telemetry
internal import Time

/// The process's own numbers, under the names that Prometheus dashboards know: `process_cpu_seconds_total`,
/// `process_resident_memory_bytes`, `process_open_fds`, `process_max_fds`, `process_start_time_seconds`.
///
/// Source: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics; proc(5).
package enum ProcessMetrics {
    package static func register(in metrics: Metrics) {
        let started = Double(WallClock.system.now.microseconds) / 1_000_000
        metrics.counter("process_cpu_seconds_total", "User and system CPU time spent.") { cpuSeconds() }
        metrics.gauge("process_resident_memory_bytes", "Memory in use.") { residentBytes() }
        metrics.gauge("process_open_fds", "Open file descriptors.") { openDescriptors() }
        metrics.gauge("process_max_fds", "The largest number of open file descriptors allowed.") {
            maximumDescriptors()
        }
        metrics.gauge("process_start_time_seconds", "Start of the process, in seconds since the epoch.") { started }
    }

    /// Fields 14 and 15 of /proc/self/stat, in clock ticks; Linux reports them at 100 a second on every architecture.
    static func cpuSeconds() -> Double {
        let fields = statFields()
        guard fields.count > 14, let user = Double(fields[13]), let system = Double(fields[14]) else { return .nan }
        return (user + system) / 100
    }

    /// `VmRSS` of /proc/self/status, which is in KiB whatever the page size.
    static func residentBytes() -> Double {
        for line in text("/proc/self/status").split(separator: "\n") where line.hasPrefix("VmRSS:") {
            let words = line.split(whereSeparator: \.isWhitespace)
            return words.count > 1 ? (Double(words[1]) ?? .nan) * 1_024 : .nan
        }
        return .nan
    }

    /// The listing itself holds one descriptor, which is not counted.
    static func openDescriptors() -> Double {
        guard let entries = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") else { return .nan }
        return Double(max(0, entries.count - 1))
    }

    static func maximumDescriptors() -> Double {
        for line in text("/proc/self/limits").split(separator: "\n") where line.hasPrefix("Max open files") {
            let words = line.split(whereSeparator: \.isWhitespace)
            return words.count > 3 ? Double(words[3]) ?? .infinity : .nan
        }
        return .nan
    }

    /// Without the first field's neighbour surprises: the command's name may hold spaces and brackets, so the fields
    /// are counted from the last bracket on.
    private static func statFields() -> [Substring] {
        let stat = text("/proc/self/stat")
        guard let bracket = stat.lastIndex(of: ")") else { return [] }
        return ["", ""] + stat[stat.index(after: bracket)...].split(separator: " ")
    }

    /// Files of /proc tell a size of 0, so they are read to their end.
    private static func text(_ path: String) -> String {
        guard let file = FileHandle(forReadingAtPath: path), let data = try? file.readToEnd() else { return "" }
        return String(decoding: data, as: UTF8.self)
    }
}
