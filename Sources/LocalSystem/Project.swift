package import Contracts
internal import Foundation

/// Where things are: the checkout, the built executables and what `atelier up` keeps.
package struct Project: Sendable {
    /// The folder with `services/`; the working directory unless `ATELIER_PROJECT` says otherwise.
    package let root: String
    /// The folder of the executables; they are built side by side.
    package let binaries: String
    /// What belongs to this checkout: secrets, logs, assets, the run file.
    package let state: String

    package init(environment: [String: String], workingDirectory: String, executable: String) {
        root = environment["ATELIER_PROJECT"].flatMap { $0.isEmpty ? nil : $0 } ?? workingDirectory
        binaries = (executable as NSString).deletingLastPathComponent
        state = environment["ATELIER_DATA"].flatMap { $0.isEmpty ? nil : $0 } ?? root + "/.atelier"
    }

    /// The project of this process.
    package static func current() -> Project {
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "./atelier"
        return Project(
            environment: ProcessInfo.processInfo.environment,
            workingDirectory: FileManager.default.currentDirectoryPath,
            executable: executable
        )
    }

    package var secretsFile: String { state + "/secrets.json" }
    package var runFile: String { state + "/run.json" }
    package var lockFile: String { state + "/up.lock" }
    package var assets: String { state + "/assets" }
    package var logs: String { state + "/logs" }
    /// The children's temporary files, instead of /tmp, which belongs to every user; emptied by each start.
    package var temporary: String { state + "/tmp" }

    package func binary(_ name: String) -> String { "\(binaries)/\(name)" }
    package func log(_ name: String) -> String { "\(logs)/\(name).log" }
    package func migrations(_ service: ServiceName) -> String { "\(root)/services/\(service.rawValue)/migrations" }

    /// Makes the folders that nobody but this user may enter.
    package func prepare() throws {
        guard FileManager.default.fileExists(atPath: root + "/services") else {
            throw OperatorError(
                "There is no folder services/ in \(root).",
                "Run atelier from the checkout, or name the checkout in ATELIER_PROJECT."
            )
        }
        for folder in [state, assets, logs, temporary] {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            } catch {
                throw OperatorError(
                    "The folder \(folder) can't be made: \(error.localizedDescription)",
                    "Give this user the right to write there, or name another folder in ATELIER_DATA."
                )
            }
        }
    }

    /// The six services, in the order in which they are shown.
    package static let services: [ServiceName] = [.ingress, .conversation, .billing, .generation, .delivery, .payments]
}
