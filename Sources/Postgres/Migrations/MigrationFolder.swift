internal import Cryptography
internal import Foundation

/// One step of a schema: a folder `NNNN_name` with `up.sql`, `check.sql` and `notes.md`.
package struct Migration: Sendable, Equatable {
    /// 1 and up, without gaps.
    package let number: Int
    package let name: String
    /// The statements; run in one transaction unless the first line is `-- no transaction`.
    package let up: String
    /// Statements that raise an error if the step has not done what it should; empty if there are none.
    package let check: String
    /// SHA-256 of `up.sql`, in hexadecimal.
    package let checksum: String

    /// `0003_outbox`, as in the folder's name.
    package var label: String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_" + name
    }

    var runsInTransaction: Bool { !up.hasPrefix("-- no transaction") }

    /// Reads all migrations of a folder in order.
    ///
    /// - Throws: `MigrationError.unusable` for a folder that can't be read, a name that is not `NNNN_name`, a missing
    ///   `up.sql`, or numbers that don't run 1, 2, 3 …
    package static func readAll(in directory: String) throws(MigrationError) -> [Migration] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw .unusable(path: directory, reason: "can't be read")
        }
        var migrations: [Migration] = []
        for name in names.sorted() where !name.hasPrefix(".") && !name.hasSuffix(".md") {
            migrations.append(try read(directory + "/" + name, name))
        }
        migrations.sort { $0.number < $1.number }
        for (index, migration) in migrations.enumerated() where migration.number != index + 1 {
            throw .unusable(path: directory, reason: "expected number \(index + 1), found \(migration.label)")
        }
        return migrations
    }

    /// One checksum over all steps, which tells one state of a folder from another.
    package static func checksum(of migrations: [Migration]) -> String {
        let text = migrations.map { "\($0.label) \($0.checksum) \($0.check)" }.joined(separator: "\n")
        return hexadecimal(SHA256.hash(Array(text.utf8)))
    }

    private static func read(_ path: String, _ folder: String) throws(MigrationError) -> Migration {
        let parts = folder.split(separator: "_", maxSplits: 1)
        guard parts.count == 2, parts[0].count == 4, let number = Int(parts[0]), number > 0 else {
            throw .unusable(path: path, reason: "is not named NNNN_name")
        }
        guard let up = FileManager.default.contents(atPath: path + "/up.sql") else {
            throw .unusable(path: path, reason: "has no up.sql")
        }
        let check = FileManager.default.contents(atPath: path + "/check.sql")
        return Migration(
            number: number,
            name: String(parts[1]),
            up: String(decoding: up, as: UTF8.self),
            check: check.map { String(decoding: $0, as: UTF8.self) } ?? "",
            checksum: hexadecimal(SHA256.hash([UInt8](up)))
        )
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

/// Why migrations were not applied.
package enum MigrationError: Error, Sendable, CustomStringConvertible {
    /// The folder itself is wrong.
    case unusable(path: String, reason: String)
    /// An applied step's `up.sql` differs from what was applied: write a new step instead.
    case changed(label: String)
    /// Another instance held the lock for the whole time.
    case locked
    /// `up.sql` or `check.sql` failed; the step was rolled back.
    case failed(label: String, reason: String)

    package var description: String {
        switch self {
        case .unusable(let path, let reason): "migrations \(path): \(reason)"
        case .changed(let label): "migration \(label) was changed after it had been applied"
        case .locked: "another instance is migrating and did not finish in time"
        case .failed(let label, let reason): "migration \(label) failed and was rolled back: \(reason)"
        }
    }
}
