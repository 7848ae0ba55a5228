internal import Foundation
internal import LocalSystem

/// Programs that a benchmark borrows.
package enum Tool {
    /// The path of a program.
    ///
    /// - Throws: `OperatorError` that names Debian's package if it is not installed.
    package static func find(_ name: String, package: String) throws -> String {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        for folder in folders + ["/usr/sbin", "/sbin"] {
            let path = "\(folder)/\(name)"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw OperatorError("\(name) is not installed.", "Install it with: apt-get install -y \(package)")
    }

    /// A loopback port on which nobody listens now. Another process may take it before it is used.
    package static func freePort() throws -> Int {
        for _ in 0..<1_000 {
            let port = Int.random(in: 20_000..<32_000)
            if HostSystem.isFree(port: port) { return port }
        }
        throw OperatorError("There is no free port on the loopback address.", "")
    }

    /// Runs a program to its end without blocking a loop and returns what it wrote.
    ///
    /// - Throws: `OperatorError` with the end of its output if it fails.
    package static func output(_ executable: String, _ arguments: [String]) async throws -> String {
        let file = FileManager.default.temporaryDirectory.path + "/atelier-tool-\(UInt64.random(in: 0...(.max)))"
        defer { try? FileManager.default.removeItem(atPath: file) }  // A left-over temporary file harms nobody.
        let status = try await Command(executable: executable, arguments: arguments, output: .file(file)).run()
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        guard status == .exited(0) else {
            throw OperatorError("\(executable) failed (\(status)):\n\(LogTail.last(of: text))", "")
        }
        return text
    }
}
