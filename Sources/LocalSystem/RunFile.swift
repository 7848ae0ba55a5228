internal import Foundation

/// Which ports the running `atelier up` uses, for `status` and `env`.
package struct RunFile: Codable, Sendable, Equatable {
    package let processID: Int32
    package let ports: [String: Int]

    package init(ports: PortPlan) {
        processID = HostSystem.processID
        self.ports = ports.ports
    }

    package func write(to path: String) throws {
        try JSONEncoder().encode(self).write(to: URL(filePath: path), options: .atomic)
    }

    /// nil if nothing runs: there is no file, or it is left over from a process that is gone.
    package static func read(_ path: String) -> RunFile? {
        guard let data = FileManager.default.contents(atPath: path),
            let file = try? JSONDecoder().decode(RunFile.self, from: data), HostSystem.isAlive(file.processID)
        else { return nil }
        return file
    }

    /// A file that stays is found out by `read`.
    package static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}
