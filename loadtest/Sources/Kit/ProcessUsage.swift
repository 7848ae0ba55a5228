internal import Foundation
internal import Glibc

/// What a process has used so far, from /proc.
package struct ProcessUsage: Sendable {
    /// User and system time of all its threads, in seconds; children that have ended are not in it.
    package let cpuSeconds: Double
    /// Resident memory in bytes.
    package let residentBytes: Int64

    /// nil if there is no such process.
    package static func of(_ pid: Int32) -> ProcessUsage? {
        guard let text = read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        // The name in parentheses may hold spaces; field 3 follows it.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let pages = Int64(fields[21])
        else { return nil }
        return ProcessUsage(
            cpuSeconds: (user + system) / Double(sysconf(Int32(_SC_CLK_TCK))),
            residentBytes: pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
        )
    }

    /// The sum over a process and all that descend from it, e.g. a PostgreSQL server with its backends. Backends that
    /// end in between are lost from the sum.
    package static func ofTree(_ root: Int32) -> ProcessUsage {
        var parents: [Int32: Int32] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), let text = read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")"),
                let parent = text[text.index(after: end)...].split(separator: " ").dropFirst().first
            else { continue }
            parents[pid] = Int32(parent)
        }
        func descends(_ pid: Int32) -> Bool {
            var current = pid
            while current != root {
                guard let parent = parents[current], parent > 1 else { return false }
                current = parent
            }
            return true
        }
        let all = ([root] + parents.keys.filter { $0 != root && descends($0) }).compactMap { of($0) }
        return ProcessUsage(
            cpuSeconds: all.map(\.cpuSeconds).reduce(0, +),
            residentBytes: all.map(\.residentBytes).reduce(0, +)
        )
    }

    /// How often the threads of a process have gone to sleep by themselves so far.
    package static func sleeps(of pid: Int32) -> Int {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return threads.reduce(0) { sum, thread in
            let lines = read("/proc/\(pid)/task/\(thread)/status")?.split(separator: "\n") ?? []
            let line = lines.first { $0.hasPrefix("voluntary_ctxt_switches:") }
            return sum + (line?.split(separator: "\t").last.flatMap { Int($0) } ?? 0)
        }
    }

    private static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
