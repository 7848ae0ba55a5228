import Contracts
import Foundation
import LoadtestKit
import LocalSystem

/// Looks at the books after a run: they balance, and they hold every acknowledged operation once.
struct Books {
    let rig: Rig
    let database: String
    /// Whose operations are counted; faults are looked for everywhere.
    var accounts: ClosedRange<UserID> = 1...UserID.max

    /// - Throws: `OperatorError` that names what `differences` finds.
    func check(_ tally: Tally) async throws {
        let found = try await differences(tally)
        guard found.isEmpty else { throw OperatorError("The books are wrong:\n\(found.joined(separator: "\n"))", "") }
    }

    /// - Parameter tally: What was acknowledged since the database was made, credits left aside.
    /// - Returns: A line for each thing that is wrong; none if all is well.
    func differences(_ tally: Tally) async throws -> [String] {
        var differences = try await rig.psql(Self.faults, database: database).split(whereSeparator: \.isNewline)
            .map(String.init)
        let found = try await rig.psql(counts, database: database)
            .split(whereSeparator: \.isNewline).compactMap { Int64($0) }
        let wanted = [
            tally.held, tally.refused, tally.charged, tally.released, Int(tally.heldKopecks), Int(tally.chargedKopecks),
        ].map(Int64.init)
        if found != wanted { differences.append("acknowledged: \(wanted); in the books: \(found)") }
        return differences
    }

    /// One number a line, in the order of `differences`.
    private var counts: String {
        let range = "between \(accounts.lowerBound) and \(accounts.upperBound)"
        return """
            select count(*) from operation where kind = 'place_hold' and verdict = 'ok' and account \(range);
            select count(*) from operation where kind = 'place_hold' and verdict = 'insufficient_funds'
                and account \(range);
            select count(*) from hold_end join operation on operation.id = hold_end.operation
                and operation.verdict = 'ok' where how = 'charged' and hold_end.account \(range);
            select count(*) from hold_end join operation on operation.id = hold_end.operation
                and operation.verdict = 'ok' where how = 'released' and hold_end.account \(range);
            select coalesce(sum(amount), 0) from hold where account \(range);
            select coalesce(-sum(amount), 0) from entry where account \(range) and kind = 'charge';
            """
    }

    /// Lines only where something is wrong.
    private static let faults = """
        select 'sum of entries', sum(amount) from entry having sum(amount) <> 0;
        select 'transfer ' || transfer, sum(amount) from entry group by transfer having sum(amount) <> 0 limit 5;
        select 'account ' || account.id, account.paid, account.bonus, account.held, posted, reserved from account
        left join (
            select account, sum(amount) as posted from entry where account > 0 group by account
        ) as own on own.account = account.id
        left join (
            select account, sum(amount) as reserved from hold where not exists (
                select from hold_end where hold_end.account = hold.account and hold_end.hold_id = hold.id)
            group by account
        ) as live on live.account = account.id
        where paid + bonus <> coalesce(posted, 0) or held <> coalesce(reserved, 0) limit 5;
        select 'balance after entry ' || id from (
            select id, balance_after, sum(amount) over (partition by account order by id) as balance
            from entry where account > 0
        ) as line where balance_after <> balance limit 5;
        """
}
