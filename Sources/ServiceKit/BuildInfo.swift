internal import Foundation
package import Telemetry

/// Which build this is.
package enum BuildInfo {
    /// The release, as in CHANGELOG.md.
    package static let version = "0.1.0"

    /// The commit, if whoever packed the build said so in `ATELIER_REVISION`.
    package static let revision = ProcessInfo.processInfo.environment["ATELIER_REVISION"] ?? "unknown"

    /// Adds `atelier_build_info{version,revision}`, always 1.
    package static func register(in metrics: Metrics) {
        metrics.gauge("atelier_build_info", "Which build runs.", labels: ["version", "revision"])
            .set(1, version, revision)
    }
}
