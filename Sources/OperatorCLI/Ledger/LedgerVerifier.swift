internal import Postgres
internal import Time

/// `atelier ledger verify`: re-computes the whole ledger outside of the database, in one snapshot.
struct LedgerVerifier: Sendable {
    let database: Database
    /// How long reading everything may take.
    var limit: Duration = .seconds(3_600)

    func verify(against head: LedgerHead?) async throws -> LedgerReport {
        var options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true, deadline: .after(limit))
        options.statementTimeout = limit
        return try await database.transaction(options) { transaction in
            var reading = LedgerReading(transaction: transaction)
            return try await reading.verify(against: head)
        }
    }
}

/// One pass over seals, entries and what belongs to them.
struct LedgerReading {
    private static let sealsAtOnce: Int64 = 100
    private static let entriesAtOnce: Int64 = 10_000

    let transaction: Transaction
    private var walk = LedgerWalk()
    private var findings: [LedgerFinding] = []
    private var seals: Int64 = 0
    private var newest = StoredSeal(
        number: 0,
        lastEntry: 0,
        previous: [],
        hash: [UInt8](repeating: 0, count: 32),
        version: 2
    )
    private var headHash: [UInt8]?

    init(transaction: Transaction) {
        self.transaction = transaction
    }

    mutating func verify(against head: LedgerHead?) async throws -> LedgerReport {
        try await readSeals(head)
        let sealedEntries = walk.entries
        try await readEntries(after: newest.lastEntry, upTo: .max) { _ in }
        let unsealed = walk.entries - sealedEntries
        walk.finish()
        findings += walk.findings
        compare(head)
        findings += try await LedgerTables(transaction: transaction).findings(accounts: walk.accounts)
        return LedgerReport(
            seals: seals,
            entries: walk.entries,
            unsealed: unsealed,
            accounts: Int64(walk.accounts.count),
            head: head,
            findings: findings
        )
    }

    private mutating func readSeals(_ head: LedgerHead?) async throws {
        while true {
            let rows = try await transaction.query(
                """
                select number, last_entry, previous, hash, version::int8, digests, sums from seal
                where number > \(newest.number) order by number limit \(Self.sealsAtOnce)
                """
            )
            for row in rows {
                let (number, lastEntry, previous, hash, version, digests, sums) = try row.decode(
                    Int64.self,
                    Int64.self,
                    [UInt8].self,
                    [UInt8].self,
                    Int64.self,
                    [UInt8]?.self,
                    [Int64]?.self
                )
                let seal = StoredSeal(
                    number: number,
                    lastEntry: lastEntry,
                    previous: previous,
                    hash: hash,
                    version: version,
                    digests: digests,
                    sums: sums
                )
                try await check(seal)
                if seal.number == head?.number { headHash = seal.hash }
            }
            if rows.isEmpty { return }
        }
    }

    private mutating func check(_ seal: StoredSeal) async throws {
        for missing in newest.number + 1..<max(seal.number, newest.number + 1) {
            findings.append(.sealMissing(missing))
        }
        var covered: [LedgerEntry] = []
        try await readEntries(after: newest.lastEntry, upTo: seal.lastEntry) { covered += $0 }
        if seal.number == newest.number + 1 {
            findings +=
                seal.version == 1
                ? try await checkOld(seal) : SealedBlock.check(seal, covered, previous: newest.hash)
        }
        if let sums = seal.sums, sums != walk.slots { findings.append(.sumsWrong(seal: seal.number)) }
        seals += 1
        newest = seal
    }

    /// A seal of version 1 has been hashed by the database's own function, and names no rows.
    private func checkOld(_ seal: StoredSeal) async throws -> [LedgerFinding] {
        let rows = try await transaction.query(
            "select seal_hash(\(newest.hash), \(newest.lastEntry), \(seal.lastEntry))"
        )
        let hash = try rows[0].decode([UInt8].self)
        return hash == seal.hash && seal.previous == newest.hash ? [] : [.sealChanged(seal.number)]
    }

    private mutating func readEntries(
        after first: Int64,
        upTo last: Int64,
        _ body: ([LedgerEntry]) -> Void
    ) async throws {
        var after = first
        while true {
            let rows = try await transaction.query(
                """
                select \(unsafe: LedgerEntry.columns) from entry where id > \(after) and id <= \(last)
                order by id limit \(Self.entriesAtOnce)
                """
            )
            let entries = try rows.map { try LedgerEntry($0) }
            for entry in entries { walk.take(entry) }
            body(entries)
            guard Int64(entries.count) == Self.entriesAtOnce, let highest = entries.last?.id else { return }
            after = highest
        }
    }

    private mutating func compare(_ head: LedgerHead?) {
        guard let head else { return }
        if newest.number < head.number {
            findings.append(.cut(head: head.number, newest: newest.number))
        } else if headHash.map({ LedgerReport.hexadecimal($0) }) != head.hash {
            findings.append(.sealChanged(head.number))
        }
    }
}
