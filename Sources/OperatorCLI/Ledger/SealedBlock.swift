internal import Cryptography

/// A seal as it is stored.
struct StoredSeal: Sendable, Equatable {
    var number: Int64
    var lastEntry: Int64
    var previous: [UInt8]
    var hash: [UInt8]
    /// 1 was hashed in another way, by the database alone, and names no rows.
    var version: Int64
    /// For each entry 8 bytes of id and 8 of digest.
    var digests: [UInt8]?
    /// Users, then system accounts −1, −2, …
    var sums: [Int64]?
}

/// What is wrong with a ledger; each names the row.
enum LedgerFinding: Sendable, Hashable {
    case edited(entry: Int64, seal: Int64)
    case deleted(entry: Int64, seal: Int64)
    case inserted(entry: Int64, seal: Int64)
    /// Two entries have changed places.
    case reordered(entry: Int64, other: Int64, seal: Int64)
    /// The seal's own row was changed, or an entry of a seal that names no rows.
    case sealChanged(Int64)
    case sealMissing(Int64)
    /// The newest seals are gone, up to what an exported head names.
    case cut(head: Int64, newest: Int64)
    case sumsWrong(seal: Int64)
    case transferUnbalanced(Int64, sum: Int64)
    /// An entry does not begin where the account's entry before it ended.
    case discontinuous(entry: Int64, account: Int64, expected: Int64, found: Int64)
    case accountWrong(Int64, what: String, stored: Int64, computed: Int64)
    case rowWrong(table: String, row: String, reason: String)
}

/// Compares one seal with the entries that it covers.
enum SealedBlock {
    /// - Parameters:
    ///   - entries: All with ids in the seal's range, by id.
    ///   - previous: The hash of the seal before.
    static func check(_ seal: StoredSeal, _ entries: [LedgerEntry], previous: [UInt8]) -> [LedgerFinding] {
        if hash(previous: seal.previous, entries) == seal.hash && seal.previous == previous { return [] }
        let named = differences(seal, entries)
        // The rows are as they were sealed, or their digests were changed with them: then the seal itself is wrong.
        return named.isEmpty ? [.sealChanged(seal.number)] : named
    }

    static func hash(previous: [UInt8], _ entries: [LedgerEntry]) -> [UInt8] {
        var hash = SHA256()
        hash.update(previous)
        for entry in entries {
            hash.update(bigEndian(entry.id))
            hash.update(entry.digest)
        }
        return hash.finish()
    }

    private static func differences(_ seal: StoredSeal, _ entries: [LedgerEntry]) -> [LedgerFinding] {
        let sealed = Dictionary(digests(seal.digests ?? []).map { ($0.id, $0.digest) }) { first, _ in first }
        let found = Dictionary(entries.map { ($0.id, Array($0.digest.prefix(8))) }) { first, _ in first }
        var findings: [LedgerFinding] = []
        for id in sealed.keys.filter({ found[$0] == nil }).sorted() {
            findings.append(.deleted(entry: id, seal: seal.number))
        }
        for id in found.keys.filter({ sealed[$0] == nil }).sorted() {
            findings.append(.inserted(entry: id, seal: seal.number))
        }
        let changed = sealed.keys.filter { found[$0] != nil && found[$0] != sealed[$0] }.sorted()
        var explained: Set<Int64> = []
        for id in changed where !explained.contains(id) {
            // The content that was sealed here stands under another id.
            let other = changed.first { $0 != id && !explained.contains($0) && found[$0] == sealed[id] }
            if let other {
                findings.append(.reordered(entry: id, other: other, seal: seal.number))
                explained.insert(other)
            } else {
                findings.append(.edited(entry: id, seal: seal.number))
            }
        }
        return findings
    }

    private static func digests(_ bytes: [UInt8]) -> [(id: Int64, digest: [UInt8])] {
        stride(from: 0, to: bytes.count - bytes.count % 16, by: 16).map { start in
            let id = bytes[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return (Int64(bitPattern: id), Array(bytes[start + 8..<start + 16]))
        }
    }

    static func bigEndian(_ value: Int64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
    }
}
