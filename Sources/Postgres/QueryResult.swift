internal import CPostgres

/// The rows that one statement returned, kept in libpq's own memory until the last `Row` is gone.
///
/// `@unchecked`: a `PGresult` is never changed after it was received; libpq allows reading it from any thread.
@safe
final class QueryResult: @unchecked Sendable {
    private let handle: OpaquePointer
    let rowCount: Int
    let columnCount: Int

    /// Takes over `handle`.
    init(_ handle: OpaquePointer) {
        unsafe self.handle = unsafe handle
        self.rowCount = unsafe Int(PQntuples(handle))
        self.columnCount = unsafe Int(PQnfields(handle))
    }

    deinit {
        unsafe PQclear(handle)
    }

    var rows: [Row] { (0..<rowCount).map { Row(result: self, index: $0) } }

    /// Rows that the statement changed, or returned if it was a query.
    var affectedRows: Int {
        guard let text = unsafe PQcmdTuples(handle) else { return 0 }
        return unsafe Int(String(cString: text)) ?? 0
    }

    /// The command tag, e.g. `COMMIT` or `INSERT 0 1`.
    var commandTag: String {
        guard let text = unsafe PQcmdStatus(handle) else { return "" }
        return unsafe String(cString: text)
    }

    func type(ofColumn column: Int) -> UInt32 {
        unsafe PQftype(handle, Int32(column))
    }

    func name(ofColumn column: Int) -> String {
        guard let text = unsafe PQfname(handle, Int32(column)) else { return "#\(column)" }
        return unsafe String(cString: text)
    }

    func column(named name: String) -> Int? {
        (0..<columnCount).first { self.name(ofColumn: $0) == name }
    }

    func bytes(row: Int, column: Int) -> PostgresBytes? {
        guard unsafe PQgetisnull(handle, Int32(row), Int32(column)) == 0,
            let start = unsafe PQgetvalue(handle, Int32(row), Int32(column))
        else { return nil }
        let length = unsafe Int(PQgetlength(handle, Int32(row), Int32(column)))
        return unsafe PostgresBytes(UnsafeRawBufferPointer(start: start, count: length))
    }
}
