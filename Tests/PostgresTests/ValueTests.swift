import Foundation
import Postgres
import TestSupport
import Testing
import Time

private enum Colour: String, PostgresScalar {
    case red, green
}

@Suite(.scratchDatabase) struct ValueTests {
    private var database: Database { ScratchDatabase.current.database }

    @Test func `a NULL where a value was asked for is an error that names the column`() async throws {
        let row = try await database.query("select null::int8 as total")[0]
        #expect(throws: PostgresError.self) { try row.decode(Int64.self) }
        do {
            _ = try row.decode(Int64.self)
        } catch {
            #expect(error.code == .decoding)
            #expect(error.detail.contains("total"))
        }
    }

    @Test(arguments: [
        "select 1::numeric", "select 'a'::text", "select 1::float8", "select array[1::int8]",
        "select '2026-01-01'::timestamp", "select 'infinity'::timestamptz",
    ])
    func `a column of another type does not decode as an integer or time`(text: String) async throws {
        let row = try await database.query(SQL(stringLiteral: text))[0]
        #expect(throws: PostgresError.self) { try row.decode(Int64.self) }
        #expect(throws: PostgresError.self) { try row.decode(Timestamp.self) }
    }

    @Test func `more or fewer columns than types are an error`() async throws {
        let row = try await database.query("select 1::int8, 2::int8")[0]
        #expect(throws: PostgresError.self) { try row.decode(Int64.self) }
        #expect(throws: PostgresError.self) { try row.decode(Int64.self, Int64.self, Int64.self) }
        #expect(throws: PostgresError.self) { try row.get("third", as: Int64.self) }
    }

    @Test func `scalars of every type make the round trip`() async throws {
        let uuid = UUID()
        let at = Timestamp(microseconds: 1_795_000_000_123_456)
        let bytes: [UInt8] = [0, 1, 255]
        let row = try await database.query(
            """
            select \(Int64.min), \(Int32.max), \(-7), \(true), \(1.5), \("Привет ' \" \\ $1 🙂"), \(uuid), \(at), \(bytes),
                \(JSONText("{\"a\": [1, 2]}")), \(Colour.green)
            """
        )[0]
        let value = try row.decode(
            Int64.self,
            Int32.self,
            Int.self,
            Bool.self,
            Double.self,
            String.self,
            UUID.self,
            Timestamp.self,
            [UInt8].self,
            JSONText.self,
            Colour.self
        )
        #expect(value.0 == .min)
        #expect(value.1 == .max)
        #expect(value.2 == -7)
        #expect(value.3)
        #expect(value.4 == 1.5)
        #expect(value.5 == "Привет ' \" \\ $1 🙂")
        #expect(value.6 == uuid)
        #expect(value.7 == at)
        #expect(value.8 == bytes)
        #expect(value.9.text == "{\"a\": [1, 2]}")
        #expect(value.10 == .green)
    }

    @Test func `arrays of every type make the round trip, empty ones and NULLs too`() async throws {
        let uuids = [UUID(), UUID()]
        let times = [Timestamp(microseconds: -1), Timestamp(microseconds: 0)]
        let row = try await database.query(
            """
            select \([Int64.min, 0, .max]), \([Int32.min]), \([Int]()), \([true, false]), \([0.25, -0.5]),
                \(["", "a,b", "{\"}"]), \(uuids), \(times), \([[UInt8]](arrayLiteral: [], [0, 9])),
                \([Int64?](arrayLiteral: 1, nil, 3)), \([Colour.red, .green]), \([String?](arrayLiteral: nil))
            """
        )[0]
        let value = try row.decode(
            [Int64].self,
            [Int32].self,
            [Int].self,
            [Bool].self,
            [Double].self,
            [String].self,
            [UUID].self,
            [Timestamp].self,
            [[UInt8]].self,
            [Int64?].self,
            [Colour].self,
            [String?].self
        )
        #expect(value.0 == [.min, 0, .max])
        #expect(value.1 == [.min])
        #expect(value.2 == [])
        #expect(value.3 == [true, false])
        #expect(value.4 == [0.25, -0.5])
        #expect(value.5 == ["", "a,b", "{\"}"])
        #expect(value.6 == uuids)
        #expect(value.7 == times)
        #expect(value.8 == [[], [0, 9]])
        #expect(value.9 == [1, nil, 3])
        #expect(value.10 == [.red, .green])
        #expect(value.11 == [nil])
    }

    @Test func `arrays made by the server decode as text arrays do`() async throws {
        let row = try await database.query(
            "select array_agg(n order by n) as numbers, array['x', null]::text[] as words from generate_series(1, 3) n"
        )[0]
        #expect(try row.get("numbers", as: [Int32].self) == [1, 2, 3])
        #expect(try row.get("words", as: [String?].self) == ["x", nil])
        #expect(throws: PostgresError.self) { try row.get("words", as: [String].self) }
    }

    @Test func `an absent value is NULL of the right type`() async throws {
        let none: Int64? = nil
        let row = try await database.query(
            "select \(none) is null, pg_typeof(\(none))::text, coalesce(\(none), 5), \(String?.some("a"))"
        )[0]
        let value = try row.decode(Bool.self, String.self, Int64.self, String?.self)
        #expect(value == (true, "bigint", 5, "a"))
    }

    @Test func `a value is never read as SQL`() async throws {
        let evil = "'; drop table wallet; --"
        try await database.execute("create table wallet (name text)")
        try await database.execute("insert into wallet values (\(evil))")
        let rows = try await database.query("select name from wallet where name = \(evil)")
        #expect(try rows.map { try $0.decode(String.self) } == [evil])
    }

    @Test func `names and literals that can't be bound are quoted`() async throws {
        let name = "odd\"name"
        let text = "it's \\ odd"
        let row = try await database.query(SQL("select \(literal: text) as \(identifier: name)").once())[0]
        #expect(try row.get(name, as: String.self) == text)
    }
}
