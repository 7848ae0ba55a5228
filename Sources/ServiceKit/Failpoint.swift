internal import Foundation
internal import Glibc

/// A named place between two steps of a flow where the demo and the chaos proofs may have the process die as by
/// `kill -9`, so that "it heals from a crash exactly here" is shown and not hoped for.
///
/// Off unless `ATELIER_FAILPOINTS` names a folder. A file with the point's name in that folder arms it once: the process
/// that reaches the point removes the file and kills itself. Two instances can't both take one file.
package enum Failpoint {
    /// The environment key.
    package static let key = "ATELIER_FAILPOINTS"

    private static let folder = ProcessInfo.processInfo.environment[key]

    /// Dies here if the point is armed; otherwise costs one comparison.
    ///
    /// - Parameter name: `<service>.<what has just happened>`, e.g. `generation.hold_placed`.
    package static func reach(_ name: StaticString) {
        guard let folder else { return }
        // Not armed, or another instance took the file: both mean "go on".
        guard (try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")) != nil else { return }
        kill(getpid(), SIGKILL)
    }
}
