internal import CPostgres

/// One row of a result, read in place.
package struct Row: Sendable {
    let result: QueryResult
    let index: Int

    /// How many columns there are.
    package var count: Int { result.columnCount }

    /// Decodes all columns in order.
    ///
    /// `let (id, name) = try row.decode(Int64.self, String?.self)`
    ///
    /// - Throws: `.decoding` if the number of columns differs, or one is NULL or has another type.
    package func decode<each Value: PostgresDecodable>(
        _ types: repeat (each Value).Type
    ) throws(PostgresError) -> (repeat each Value) {
        var column = 0
        let values = (repeat try next((each Value).self, &column))
        guard column == count else {
            throw PostgresError(.decoding, operation: "decode row", detail: "\(count) columns, \(column) types")
        }
        return values
    }

    /// Decodes the only column.
    ///
    /// - Throws: `.decoding` if there are more, it is NULL or has another type.
    package func decode<Value: PostgresDecodable>(_ type: Value.Type) throws(PostgresError) -> Value {
        guard count == 1 else {
            throw PostgresError(.decoding, operation: "decode row", detail: "\(count) columns, one type")
        }
        return try Value.decode(PostgresCell(row: self, column: 0))
    }

    /// Decodes the column of that name.
    ///
    /// - Throws: `.decoding` if there is no such column, it is NULL or has another type.
    package func get<Value: PostgresDecodable>(
        _ column: String,
        as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard let index = result.column(named: column) else {
            throw PostgresError(.decoding, operation: "decode row", detail: "no column \(column)")
        }
        return try Value.decode(PostgresCell(row: self, column: index))
    }

    private func next<Value: PostgresDecodable>(
        _ type: Value.Type,
        _ column: inout Int
    ) throws(PostgresError) -> Value {
        guard column < count else {
            throw PostgresError(.decoding, operation: "decode row", detail: "only \(count) columns")
        }
        defer { column += 1 }
        return try Value.decode(PostgresCell(row: self, column: column))
    }
}

/// One column of one row while it is being decoded.
package struct PostgresCell {
    private let row: Row
    private let column: Int

    init(row: Row, column: Int) {
        self.row = row
        self.column = column
    }

    /// The column's type.
    package var oid: UInt32 { row.result.type(ofColumn: column) }

    /// The binary form, nil for NULL.
    package var bytes: PostgresBytes? { row.result.bytes(row: row.index, column: column) }

    /// The error for a value that does not fit; names the column, never the value.
    package func mismatch(_ what: String) -> PostgresError {
        PostgresError(
            .decoding,
            operation: "decode row",
            detail: "column \(row.result.name(ofColumn: column)) \(what)"
        )
    }
}
