internal import Cryptography
internal import Foundation
internal import Postgres
internal import Time

/// An entry as verification reads it.
struct LedgerEntry: Sendable, Equatable {
    var id: Int64
    var transfer: Int64
    var account: Int64
    var amount: Int64
    var bonusAmount: Int64
    var balanceBefore: Int64?
    var balanceAfter: Int64?
    var bonusAfter: Int64?
    /// SHA-256 over all columns but the id, computed here.
    var digest: [UInt8]

    static let columns: StaticString = """
        id, transfer, account, kind, amount, bonus_amount, balance_before, balance_after, bonus_after, memo, job_id,
            order_id, hold_id, part, model, variant, provider_cost_microdollars, at
        """
}

extension LedgerEntry {
    init(_ row: Row) throws(PostgresError) {
        let (
            id, transfer, account, kind, amount, bonusAmount, before, after, bonusAfter, memo, job, order, hold, part,
            model, variant, cost, at
        ) = try row.decode(
            Int64.self,
            Int64.self,
            Int64.self,
            String.self,
            Int64.self,
            Int64.self,
            Int64?.self,
            Int64?.self,
            Int64?.self,
            String.self,
            UUID?.self,
            UUID?.self,
            UUID?.self,
            String?.self,
            String?.self,
            String?.self,
            Int64?.self,
            Timestamp.self
        )
        var text = NetText()
        text.add(transfer)
        text.add(account)
        text.add(kind)
        text.add(amount)
        text.add(bonusAmount)
        text.add(before)
        text.add(after)
        text.add(bonusAfter)
        text.add(memo)
        for id in [job, order, hold] { text.add(id?.uuidString.lowercased()) }
        text.add(part)
        text.add(model)
        text.add(variant)
        text.add(cost)
        text.add(at.microseconds)
        self.init(
            id: id,
            transfer: transfer,
            account: account,
            amount: amount,
            bonusAmount: bonusAmount,
            balanceBefore: before,
            balanceAfter: after,
            bonusAfter: bonusAfter,
            digest: SHA256.hash(text.bytes)
        )
    }
}

/// Values as length, colon, bytes and comma, `-,` for none: no two rows have one text. The database writes the same
/// (`entry_digest`, migration 0006).
struct NetText {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ value: String?) {
        guard let value else { return bytes += Array("-,".utf8) }
        bytes += Array("\(value.utf8.count):".utf8)
        bytes += Array(value.utf8)
        bytes.append(UInt8(ascii: ","))
    }

    mutating func add(_ value: Int64?) {
        add(value.map { String($0) })
    }
}
