internal import Foundation

/// PostgreSQL's executables on this machine.
package struct PostgresInstallation: Sendable, Equatable {
    /// The oldest release that Atelier runs on.
    package static let oldestVersion = 15

    /// The folder with `initdb`, `postgres` and `psql`; Debian doesn't put it on PATH.
    package let binaries: String
    package let version: Int

    package var initdb: String { binaries + "/initdb" }
    package var postgres: String { binaries + "/postgres" }
    package var psql: String { binaries + "/psql" }
    package var isReady: String { binaries + "/pg_isready" }

    /// The newest of the installed releases.
    ///
    /// - Parameter found: Folders by release, e.g. 15 for /usr/lib/postgresql/15/bin.
    package static func choose(from found: [Int: String]) throws(OperatorError) -> PostgresInstallation {
        let install = "Install it with: apt-get install -y postgresql"
        guard let newest = found.max(by: { $0.key < $1.key }) else {
            throw OperatorError("PostgreSQL is not installed (no initdb under /usr/lib/postgresql).", install)
        }
        guard newest.key >= oldestVersion else {
            throw OperatorError(
                "PostgreSQL \(newest.key) is too old: Atelier needs \(oldestVersion) or newer.",
                install
            )
        }
        return PostgresInstallation(binaries: newest.value, version: newest.key)
    }

    /// Looks where Debian puts releases and, for other systems, in the folder that `ATELIER_POSTGRES_BIN` names.
    package static func find(environment: [String: String]) throws -> PostgresInstallation {
        if let folder = environment["ATELIER_POSTGRES_BIN"], !folder.isEmpty {
            guard let version = version(ofLibraryBeside: folder) else {
                throw OperatorError(
                    "ATELIER_POSTGRES_BIN names \(folder), where there is no initdb.",
                    "Mend or unset it."
                )
            }
            return try choose(from: [version: folder])
        }
        var found: [Int: String] = [:]
        let base = "/usr/lib/postgresql"
        // No such folder means no release, which `choose` says better.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? [] {
            let folder = "\(base)/\(name)/bin"
            if let version = Int(name), FileManager.default.isExecutableFile(atPath: folder + "/initdb") {
                found[version] = folder
            }
        }
        return try choose(from: found)
    }

    /// The release that `initdb --version` names.
    private static func version(ofLibraryBeside folder: String) -> Int? {
        guard let result = try? Command(executable: folder + "/initdb", arguments: ["--version"]).runAndWait(),
            result.status == .exited(0)
        else { return nil }
        return parseVersion(result.output)
    }

    /// 15 from `initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
    package static func parseVersion(_ text: String) -> Int? {
        guard let marker = text.firstRange(of: "(PostgreSQL) ") else { return nil }
        return Int(text[marker.upperBound...].prefix { $0.isNumber })
    }
}
