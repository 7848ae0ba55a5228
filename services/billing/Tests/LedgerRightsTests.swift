import Contracts
import Postgres
import TestSupport
import Testing
import Time

@testable import BillingService

/// What the database itself forbids, whatever the code does.
@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct LedgerRightsTests {
    private var database: Database { ScratchDatabase.current.database }

    private func code(_ statement: String) async -> PostgresError.Code? {
        do {
            try await database.execute(SQL(stringLiteral: statement).once())
            return nil
        } catch {
            return error.code
        }
    }

    // One database for all statements of a kind: none of them may leave a trace.

    @Test func `the service role can't remove what was written`() async {
        for table in ["operation", "hold", "hold_end", "credit", "entry", "account", "system_account", "migration"] {
            #expect(await code("delete from \(table)") == .insufficientPrivilege, "\(table)")
            #expect(await code("truncate \(table)") == .insufficientPrivilege, "\(table)")
        }
    }

    @Test func `the service role can't change what was written`() async {
        let statements = [
            "update operation set verdict = 'ok'", "update hold set amount = 0", "update hold_end set charged = 0",
            "update entry set amount = 1", "update credit set amount = 1", "update account set created_at = now()",
            "update account set id = 2", "alter table entry disable trigger all", "drop table entry",
        ]
        for statement in statements { #expect(await code(statement) == .insufficientPrivilege, "\(statement)") }
    }

    @Test func `entries that don't sum to zero are refused at commit`() async {
        #expect(
            await code("insert into entry (transfer, account, kind, amount) values (1, -7, 'charge', 5)")
                == .checkViolation(constraint: "transfer_sums_to_zero")
        )
        #expect(
            await code(
                "insert into entry (transfer, account, kind, amount) values (1, -7, 'charge', 5), (1, -1, 'charge', -5)"
            )
                == nil
        )
    }

    @Test func `impossible rows are refused`() async {
        let rows = [
            ("insert into account (id, paid) values (1, -1)", "account_paid_check"),
            ("insert into account (id, paid, held) values (1, 5, 6)", "held_is_covered"),
            ("insert into account (id) values (-1)", "account_id_check"),
            (
                "insert into hold_end (account, hold_id, how, charged) values (1, gen_random_uuid(), 'released', 5)",
                "only_a_charge_takes"
            ),
            (
                "insert into entry (transfer, account, kind, amount, balance_after) values (1, 7, 'charge', -5, -5)",
                "entry_balance_after_check"
            ),
            (
                "insert into entry (transfer, account, kind, amount, bonus_amount, balance_after) values (1, 7, 'grant', 5, 6, 6)",
                "bonus_is_a_part"
            ),
        ]
        for (statement, constraint) in rows {
            #expect(await code(statement) == .checkViolation(constraint: constraint), "\(statement)")
        }
    }

    @Test func `a hold has room for one end`() async {
        let end =
            "insert into hold_end (account, hold_id, how) values (1, '0193f2c0-0000-7000-8000-000000000001', 'released')"
        #expect(await code(end) == nil)
        #expect(await code(end) == .uniqueViolation(constraint: "hold_end_pkey"))
    }

    @Test func `accounts are updated in place`() async throws {
        let store = LedgerStore(database: database)
        for number in 0..<50 {
            let reference = CreditReference(source: .stars, reference: "\(number)")
            _ = try await store.apply(
                [
                    LedgerItem(
                        key: OperationKey(caller: "payments", key: "\(number)"),
                        fingerprint: [],
                        userID: 1,
                        action: .credit(reference, amount: 1, orderID: nil, memo: "")
                    )
                ],
                deadline: .after(.seconds(10))
            )
        }
        try await eventually {
            let row = try await database.query(
                "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'account'"
            )[0]
            let (updates, inPlace) = try row.decode(Int64.self, Int64.self)
            return updates == 50 && inPlace == 50
        }
    }
}
