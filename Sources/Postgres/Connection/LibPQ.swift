internal import COpenSSL
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
        let types = sql.parameters.map(\.type)
        return unsafe PQsendPrepare(self, name, sql.text, Int32(types.count), types) == 1
    }

    func sendPrepared(_ sql: SQL, name: String) -> Bool {
        unsafe sql.withParameters { values, lengths, formats, count in
            unsafe PQsendQueryPrepared(self, name, count, values, lengths, formats, 1) == 1
        }
    }

    func sendOnce(_ sql: SQL) -> Bool {
        let types = sql.parameters.map(\.type)
        return unsafe sql.withParameters { values, lengths, formats, count in
            unsafe PQsendQueryParams(self, sql.text, count, types, values, lengths, formats, 1) == 1
        }
    }

    /// Bytes that TLS has decrypted and that the socket does not announce any more.
    var hasPendingTLSBytes: Bool {
        guard let tls = unsafe PQsslStruct(self, "OpenSSL") else { return false }
        return unsafe SSL_pending(OpaquePointer(tls)) > 0
    }
}

extension SQL {
    /// Lays the parameters out as libpq wants them, on the stack, for the length of the call.
    fileprivate func withParameters<Result>(
        _ body: (
            UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?, Int32
        ) -> Result
    ) -> Result {
        let count = parameters.count
        guard count > 0 else { return body(nil, nil, nil, 0) }
        return unsafe values.withUnsafeBytes { raw in
            unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { pointers in
                unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count) { numbers in
                    // libpq takes a null address for NULL, so that an empty value needs some address too.
                    var next = unsafe raw.baseAddress ?? UnsafeRawPointer(numbers.baseAddress)
                    for index in 0..<count {
                        let length = parameters[index].length
                        let start = length < 0 ? nil : unsafe next?.assumingMemoryBound(to: CChar.self)
                        unsafe pointers.initializeElement(at: index, to: start)
                        unsafe numbers.initializeElement(at: index, to: max(0, length))
                        unsafe numbers.initializeElement(at: count + index, to: 1)
                        if length > 0 { unsafe next = unsafe next?.advanced(by: Int(length)) }
                    }
                    return unsafe body(
                        pointers.baseAddress,
                        numbers.baseAddress,
                        numbers.baseAddress?.advanced(by: count),
                        Int32(count)
                    )
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
