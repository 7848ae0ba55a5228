internal import CPostgres

/// A libpq URL taken apart, to make those of other roles and databases of the same cluster from it.
package struct DatabaseURL: Sendable {
    /// libpq keywords (`host`, `port`, `dbname`, `user`, `password`, `sslmode` …) and their values.
    package var parameters: [String: String]

    /// Reads `postgresql://…` or `key=value` text with libpq's own parser.
    ///
    /// - Throws: `.configuration`; the text is left out of the error because it may hold a password.
    package init(_ text: String) throws(PostgresError) {
        var message: UnsafeMutablePointer<CChar>? = nil
        guard let options = unsafe PQconninfoParse(text, &message) else {
            unsafe PQfreemem(message)
            throw PostgresError(.configuration, operation: "read database URL", detail: "not a valid postgresql:// URL")
        }
        defer { unsafe PQconninfoFree(options) }
        var parameters: [String: String] = [:]
        var index = 0
        while let keyword = unsafe options[index].keyword {
            if let value = unsafe options[index].val {
                unsafe parameters[String(cString: keyword)] = String(cString: value)
            }
            index += 1
        }
        self.parameters = parameters
    }

    /// The name of the database.
    package var database: String? { parameters["dbname"] }

    /// The same server, seen by another role or in another database.
    package func with(database: String? = nil, user: String? = nil, password: String? = nil) -> DatabaseURL {
        var copy = self
        if let database { copy.parameters["dbname"] = database }
        if let user {
            copy.parameters["user"] = user
            copy.parameters["password"] = password
        }
        return copy
    }

    /// `postgresql:///billing?host=%2Frun%2Fpostgresql&user=…`; holds the password.
    package var text: String {
        let query = parameters.filter { $0.key != "dbname" }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\(Self.escaped($0.value))" }.joined(separator: "&")
        return "postgresql:///\(Self.escaped(database ?? ""))" + (query.isEmpty ? "" : "?\(query)")
    }

    private static func escaped(_ value: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return value.utf8.reduce(into: "") { text, byte in
            let scalar = Unicode.Scalar(byte)
            if scalar.isASCII,
                scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "-._~".unicodeScalars.contains(scalar)
            {
                text.unicodeScalars.append(scalar)
            } else {
                text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
    }
}
