import Cryptography
import Testing

@testable import OperatorCLI

/// What a changed ledger is found out by, without a database.
@Suite struct SealedBlockTests {
    private static let start = [UInt8](repeating: 0, count: 32)

    private func entry(_ id: Int64, _ content: String) -> LedgerEntry {
        LedgerEntry(
            id: id,
            transfer: id,
            account: -1,
            amount: 0,
            bonusAmount: 0,
            digest: SHA256.hash(Array(content.utf8))
        )
    }

    private func seal(_ entries: [LedgerEntry]) -> StoredSeal {
        StoredSeal(
            number: 3,
            lastEntry: entries.last?.id ?? 0,
            previous: Self.start,
            hash: SealedBlock.hash(previous: Self.start, entries),
            version: 2,
            digests: entries.flatMap { SealedBlock.bigEndian($0.id) + $0.digest.prefix(8) }
        )
    }

    private func check(_ now: [LedgerEntry]) -> [LedgerFinding] {
        SealedBlock.check(seal([entry(1, "a"), entry(2, "b"), entry(5, "c")]), now, previous: Self.start)
    }

    @Test func `an untouched block has nothing to say`() {
        #expect(check([entry(1, "a"), entry(2, "b"), entry(5, "c")]) == [])
    }

    @Test func `the row that was touched is named`() {
        #expect(check([entry(1, "a"), entry(2, "x"), entry(5, "c")]) == [.edited(entry: 2, seal: 3)])
        #expect(check([entry(1, "a"), entry(5, "c")]) == [.deleted(entry: 2, seal: 3)])
        #expect(
            check([entry(1, "a"), entry(2, "b"), entry(3, "new"), entry(5, "c")]) == [.inserted(entry: 3, seal: 3)]
        )
        #expect(
            check([entry(1, "c"), entry(2, "b"), entry(5, "a")]) == [.reordered(entry: 1, other: 5, seal: 3)]
        )
        #expect(
            check([entry(1, "a"), entry(4, "b"), entry(5, "c")])
                == [.deleted(entry: 2, seal: 3), .inserted(entry: 4, seal: 3)]
        )
    }

    @Test func `a seal that was changed with its digests is named itself`() {
        var seal = seal([entry(1, "a")])
        seal.hash = SHA256.hash([1])
        #expect(SealedBlock.check(seal, [entry(1, "a")], previous: Self.start) == [.sealChanged(3)])
        let honest = self.seal([entry(1, "a")])
        #expect(SealedBlock.check(honest, [entry(1, "a")], previous: SHA256.hash([2])) == [.sealChanged(3)])
    }

    @Test func `a walk finds entries that don't follow each other and transfers that don't sum to zero`() {
        func move(_ id: Int64, _ account: Int64, _ amount: Int64, _ before: Int64, transfer: Int64) -> LedgerEntry {
            LedgerEntry(
                id: id,
                transfer: transfer,
                account: account,
                amount: amount,
                bonusAmount: 0,
                balanceBefore: account > 0 ? before : nil,
                balanceAfter: account > 0 ? before + amount : nil,
                bonusAfter: account > 0 ? 0 : nil,
                digest: []
            )
        }
        var walk = LedgerWalk()
        for entry in [
            move(1, 7, 100, 0, transfer: 1), move(2, -1, -100, 0, transfer: 1), move(3, 7, -30, 90, transfer: 2),
            move(4, -7, 30, 0, transfer: 2), move(5, -7, 5, 0, transfer: 3),
        ] { walk.take(entry) }
        walk.finish()
        #expect(
            walk.findings == [
                .discontinuous(entry: 3, account: 7, expected: 100, found: 90), .transferUnbalanced(3, sum: 5),
            ]
        )
        #expect(walk.slots.prefix(8) == [70, -100, 0, 0, 0, 0, 0, 35])
    }
}
