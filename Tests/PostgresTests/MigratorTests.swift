import Foundation
import Postgres
import TestSupport
import Testing
import Time

@Suite(.scratchDatabase) struct MigratorTests {
    private var scratch: ScratchDatabase { .current }

    /// A folder of migrations in a temporary place.
    private struct Folder: ~Copyable {
        let path = FileManager.default.temporaryDirectory.path + "/migrations-" + UUID().uuidString

        init(_ steps: [(name: String, up: String, check: String)]) throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for step in steps { try write(step.name, step.up, step.check) }
        }

        func write(_ name: String, _ up: String, _ check: String) throws {
            let folder = path + "/" + name
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try up.write(toFile: folder + "/up.sql", atomically: true, encoding: .utf8)
            if !check.isEmpty { try check.write(toFile: folder + "/check.sql", atomically: true, encoding: .utf8) }
        }

        deinit {
            try? FileManager.default.removeItem(atPath: path)  // Litter in a temporary folder fails nothing.
        }
    }

    private func migrator(_ path: String) -> Migrator {
        Migrator(directory: path, loop: ScratchDatabase.loop, metrics: scratch.metrics, log: scratch.log)
    }

    private static let first = (
        name: "0001_wallet", up: "create table wallet (id int8); grant select on wallet to atelier_scratch;", check: ""
    )

    @Test func `a changed step is refused and nothing is applied`() async throws {
        let folder = try Folder([Self.first])
        #expect(try await migrator(folder.path).migrate(scratch.ownerURL) == [1])
        try folder.write("0001_wallet", "create table wallet (id text)", "")
        try folder.write("0002_more", "create table more (id int8)", "")
        let path = folder.path
        await #expect { try await migrator(path).migrate(scratch.ownerURL) } throws: { error in
            if case .changed("0001_wallet")? = error as? MigrationError { true } else { false }
        }
        #expect(try await scratch.database.query("select to_regclass('more')::text")[0].decode(String?.self) == nil)
    }

    @Test func `a failing check rolls its step back`() async throws {
        let folder = try Folder([
            Self.first,
            (
                "0002_more", "create table more (id int8);",
                "do $$ begin if not exists (select from more) then raise exception 'more is empty'; end if; end $$;"
            ),
        ])
        let path = folder.path
        await #expect { try await migrator(path).migrate(scratch.ownerURL) } throws: { error in
            guard case .failed("0002_more", let reason)? = error as? MigrationError else { return false }
            return reason.contains("more is empty") && reason.contains("check.sql")
        }
        let status = try await migrator(path).status(scratch.database)
        #expect(status == MigrationStatus(applied: [1], expected: [1, 2]))
        #expect(!status.isComplete)
        #expect(try await scratch.database.query("select to_regclass('more')::text")[0].decode(String?.self) == nil)
    }

    @Test func `ten instances that start at once apply each step once`() async throws {
        let folder = try Folder([
            Self.first, ("0002_more", "create table more (id int8); insert into more values (1);", ""),
        ])
        let migrator = migrator(folder.path)
        let url = scratch.ownerURL
        let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<10 { group.addTask { try await migrator.migrate(url) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied.sorted() == [1, 2])
        try await scratch.withDatabase(url: url) { owner in
            let rows = try await owner.query("select 1 from more")
            #expect(rows.count == 1)
        }
    }

    @Test func `tables belong to the owner and the service has the rights that were granted`() async throws {
        let folder = try Folder([Self.first])
        _ = try await migrator(folder.path).migrate(scratch.ownerURL)
        #expect(try await scratch.database.query("select * from wallet").isEmpty)
        #expect(
            await failure { try await scratch.database.execute("insert into wallet values (1)") }?.code
                == .insufficientPrivilege
        )
        #expect(
            await failure { try await scratch.database.execute("drop table wallet") }?.code == .insufficientPrivilege
        )
    }

    @Test func `a step that does not get its locks is tried again`() async throws {
        try await scratch.database.execute("create table busy (id int8)")
        try await scratch.withDatabase(url: scratch.adminURL) { admin in
            try await admin.execute("alter table busy owner to atelier_scratch_owner")
            let folder = try Folder([("0001_alter", "alter table busy add column more int8;", "")])
            var migrator = migrator(folder.path)
            migrator.lockTimeout = .milliseconds(50)
            let patient = migrator
            let url = scratch.ownerURL
            let applied = try await admin.transaction { transaction in
                try await transaction.execute("lock table busy")
                async let applied = patient.migrate(url)
                try await eventually {
                    let rows = try await admin.query(
                        "select 1 from pg_stat_activity where application_name = 'migrate' and query = 'rollback' and datname = current_database()"
                    )
                    return !rows.isEmpty
                }
                try await transaction.commit(after: [])
                return try await applied
            }
            #expect(applied == [1])
        }
    }

    @Test func `a gap in the numbers is refused`() async throws {
        let folder = try Folder([Self.first, ("0003_gap", "select 1", "")])
        let path = folder.path
        await #expect(throws: MigrationError.self) { try await migrator(path).migrate(scratch.ownerURL) }
    }

    @Test func `a database ahead of the folder is left alone`() async throws {
        let newer = try Folder([Self.first, ("0002_more", "create table more (id int8);", "")])
        _ = try await migrator(newer.path).migrate(scratch.ownerURL)
        let older = try Folder([Self.first])
        #expect(try await migrator(older.path).migrate(scratch.ownerURL) == [])
        #expect(try await migrator(older.path).status(scratch.database).isComplete)
    }

    @Test func `a step can ask to run outside a transaction`() async throws {
        let folder = try Folder([
            Self.first, ("0002_index", "-- no transaction\ncreate index concurrently wallet_id on wallet (id)", ""),
        ])
        #expect(try await migrator(folder.path).migrate(scratch.ownerURL) == [1, 2])
    }

    @Test func `an empty database has no step`() async throws {
        let folder = try Folder([Self.first])
        #expect(try await migrator(folder.path).status(scratch.database).applied.isEmpty)
    }
}
