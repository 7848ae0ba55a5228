internal import CPostgres

/// Fields of an error that we read.
enum ErrorField: UInt8 {
    case severity = 86  // PG_DIAG_SEVERITY_NONLOCALIZED 'V'
    case sqlState = 67  // PG_DIAG_SQLSTATE 'C'
    case message = 77  // PG_DIAG_MESSAGE_PRIMARY 'M'
    case table = 116  // PG_DIAG_TABLE_NAME 't'
    case constraint = 110  // PG_DIAG_CONSTRAINT_NAME 'n'
}

/// A `PGresult`.
extension OpaquePointer {
    /// A field of a failed result, empty if the server did not send it.
    func field(_ field: ErrorField) -> String {
        guard let text = unsafe PQresultErrorField(self, Int32(field.rawValue)) else { return "" }
        return unsafe String(cString: text)
    }

    /// Whether the server ends the session with this error.
    var isFatal: Bool {
        let severity = unsafe field(.severity)
        return severity == "FATAL" || severity == "PANIC"
    }
}

/// A `PGconn`: the calls that queue a statement; false if the connection is broken.
extension OpaquePointer {
    func sendPrepare(_ sql: SQL, name: String) -> Bool {
        unsafe PQsendPrepare(self, name, sql.text, Int32(sql.types.count), sql.types) == 1
    }

    func sendPrepared(_ sql: SQL, name: String) -> Bool {
        unsafe sql.withParameters { values, lengths, formats, count in
            unsafe PQsendQueryPrepared(self, name, count, values, lengths, formats, 1) == 1
        }
    }

    func sendOnce(_ sql: SQL) -> Bool {
        unsafe sql.withParameters { values, lengths, formats, count in
            unsafe PQsendQueryParams(self, sql.text, count, sql.types, values, lengths, formats, 1) == 1
        }
    }
}

extension SQL {
    /// Lays the parameters out as libpq wants them, for the length of the call.
    fileprivate func withParameters<Result>(
        _ body: (
            UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?, Int32
        ) -> Result
    ) -> Result {
        // One byte more, so that an empty value has an address too: libpq takes a null address for NULL.
        let bytes = values + [0]
        let formats = [Int32](repeating: 1, count: lengths.count)
        return unsafe bytes.withUnsafeBytes { raw in
            var pointers: [UnsafePointer<CChar>?] = unsafe []
            unsafe pointers.reserveCapacity(lengths.count)
            var offset = 0
            for length in lengths {
                if length < 0 {
                    unsafe pointers.append(nil)
                } else {
                    unsafe pointers.append(raw.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self))
                    offset += Int(length)
                }
            }
            return unsafe pointers.withUnsafeBufferPointer { pointers in
                unsafe lengths.withUnsafeBufferPointer { lengths in
                    unsafe formats.withUnsafeBufferPointer { formats in
                        unsafe body(
                            pointers.baseAddress,
                            lengths.baseAddress,
                            formats.baseAddress,
                            Int32(pointers.count)
                        )
                    }
                }
            }
        }
    }
}

extension PostgresError {
    /// Reads the error out of a failed result; the result stays the caller's to clear.
    init(result: OpaquePointer, operation: String) {
        let state = unsafe result.field(.sqlState)
        let constraint = unsafe result.field(.constraint)
        let table = unsafe result.field(.table)
        var detail = PostgresError.mayQuoteMessage(ofState: state) ? unsafe result.field(.message) : ""
        if detail.isEmpty, !table.isEmpty { detail = "table " + table }
        self.init(
            state.isEmpty ? .connectionLost : PostgresError.code(forState: state, constraint: constraint),
            sqlState: state,
            operation: operation,
            detail: detail
        )
    }

    /// The same error with the server's message; for texts of our own, which hold no user's values.
    func quoting(_ message: String) -> PostgresError {
        PostgresError(code, sqlState: sqlState, operation: operation, detail: message)
    }
}
