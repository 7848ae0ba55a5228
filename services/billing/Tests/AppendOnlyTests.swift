import Contracts
import Postgres
import TestSupport
import Testing

@testable import BillingService

/// Append-only by the database's rights: whatever the service's role is made to run, no row that is written changes.
@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct AppendOnlyTests {
    /// Every table of the service, and the columns that its role may update: sums and flags that entries, holds and
    /// freezes explain, and nothing else.
    private static let updatable: [String: Set<String>] = [
        "account": ["paid", "bonus", "held", "swept", "spent", "spent_day", "is_frozen"], "grant_day": ["amount"],
    ]

    private var database: Database { ScratchDatabase.current.database }

    private func code(_ statement: String) async -> PostgresError.Code? {
        do {
            try await database.execute(SQL(stringLiteral: statement).once())
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `no table lets the service's role update, delete, truncate or alter it`() async throws {
        let rows = try await database.query(
            """
            select table_name::text, array_agg(column_name::text order by ordinal_position) from information_schema.columns
            where table_schema = 'public' group by table_name order by table_name
            """
        )
        let tables = try rows.map { try $0.decode(String.self, [String].self) }
        #expect(tables.count >= 15)
        for (table, columns) in tables {
            for statement in [
                "delete from \(table)", "truncate \(table)", "alter table \(table) add column hole int",
                "alter table \(table) disable trigger all", "drop table \(table)",
                "create trigger hole before insert on \(table) for each row execute function check_refund()",
            ] {
                #expect(await code(statement) == .insufficientPrivilege, "\(statement)")
            }
            for column in columns where !(Self.updatable[table]?.contains(column) ?? false) {
                let refusal = await code("update \(table) set \(column) = \(column)")
                // An identity column can't be set by anybody.
                let isIdentity = refusal == .other(sqlState: "428C9")
                #expect(isIdentity || refusal == .insufficientPrivilege, "\(table).\(column)")
            }
            for column in Self.updatable[table] ?? [] {
                #expect(await code("update \(table) set \(column) = \(column)") == nil, "\(table).\(column)")
            }
        }
    }

    @Test func `no function of the ledger can be replaced by the service's role`() async {
        let body = "language sql as $$ select true $$"
        #expect(
            await code(
                "create or replace function check_refund() returns trigger language plpgsql as $$ begin end $$"
            )
                == .insufficientPrivilege
        )
        #expect(await code("create function hole() returns bool \(body)") == .insufficientPrivilege)
        #expect(await code("drop function check_refund() cascade") == .insufficientPrivilege)
        #expect(await code("set session_replication_role = replica") == .insufficientPrivilege)
    }

    @Test func `rules of refunds, parts and corrections live in the database too`() async throws {
        let bench = LedgerBench()
        try await bench.pay(1, 100)
        let id = try await bench.hold(1, 60)
        try await bench.apply(1, bench.charge(id, 50))
        let transfer = try await database.query("select max(transfer) from entry")[0].decode(Int64.self)
        let open = try await bench.hold(1, 20)
        let rows = [
            (
                "insert into refund (operation, account, of_transfer, paid, bonus) values (999, 1, \(transfer), 51, 0)",
                "refunds_fit_the_transfer"
            ),
            (
                "insert into refund (operation, account, of_transfer, paid, bonus) values (999, 1, \(transfer), 0, 1)",
                "refunds_fit_the_transfer"
            ),
            (
                "insert into refund (operation, account, of_transfer, paid, bonus) values (999, 2, \(transfer), 1, 0)",
                "refunds_fit_the_transfer"
            ),
            (
                "insert into hold_part (account, hold_id, part, how, amount, charged, operation) "
                    + "values (1, '\(open)', 'a', 'charged', 15, 15, 1), (1, '\(open)', 'b', 'released', 6, 0, 1)",
                "parts_fit_the_hold"
            ),
            (
                "insert into hold_part (account, hold_id, part, how, amount, charged, operation) "
                    + "values (1, '\(id)', 'a', 'charged', 5, 5, 1)", "parts_are_of_open_holds"
            ),
            (
                "insert into hold_part (account, hold_id, part, how, amount, charged, operation) "
                    + "values (1, '\(open)', 'a', 'released', 5, 5, 1)", "only_a_charge_takes"
            ),
            (
                "insert into entry (transfer, account, kind, amount, balance_before, balance_after, bonus_after) "
                    + "values (1, 1, 'top_up', 5, 50, 56, 0)", "balances_add_up"
            ),
        ]
        for (statement, constraint) in rows {
            #expect(await code(statement) == .checkViolation(constraint: constraint), "\(statement)")
        }
    }

    @Test func `the release before may write the part that ends a hold after its end, nobody may write a later one`()
        async throws
    {
        let bench = LedgerBench()
        try await bench.pay(1, 100)
        let id = try await bench.hold(1, 60)
        @Sendable func part(_ name: String, _ operation: Int) -> SQL {
            """
            insert into hold_part (account, hold_id, part, how, amount, charged, operation)
            values (1, \(id), \(name), 'released', 60, 0, \(Int64(operation)))
            """
        }
        _ = try await database.transaction { transaction in
            try await transaction.commit(after: [
                "insert into hold_end (account, hold_id, how, operation) values (1, \(id), 'released', 7)",
                part("a", 7),
            ])
        }
        #expect(try await database.query("select 1 from open_hold").isEmpty)
        await #expect(throws: PostgresError.self) { try await database.execute(part("b", 8)) }
    }

    @Test func `nobody approves his own correction, and nobody decides twice`() async {
        let id = "0193f2c0-0000-7000-8000-000000000001"
        #expect(
            await code(
                """
                insert into adjustment (id, account, amount, wallet, reason, proposed_by, is_pending, caller, key, operation)
                values ('\(id)', 1, 500, 'bonus', 'r', 'anna', true, 'operator', 'k', 1)
                """
            ) == nil
        )
        func decide(_ name: String, proposedBy: String = "anna") -> String {
            """
            insert into adjustment_decision (adjustment, proposed_by, decided_by, decision, caller, key, operation)
            values ('\(id)', '\(proposedBy)', '\(name)', 'approve', 'operator', 'd', 2)
            """
        }
        #expect(await code(decide("anna")) == .checkViolation(constraint: "two_persons"))
        #expect(
            await code(decide("anna", proposedBy: "boris"))
                == .foreignKeyViolation(constraint: "adjustment_decision_adjustment_proposed_by_was_pending_fkey")
        )
        #expect(await code(decide("boris")) == nil)
        #expect(await code(decide("clara")) == .uniqueViolation(constraint: "adjustment_decision_pkey"))
    }
}
