/// One SQL statement with its values bound as binary parameters.
///
/// Written as a literal: `"select total from wallet where owner = \(owner)"` sends the text with `$1` and the value
/// apart from it, so that no value can ever be read as SQL. The text is what prepared statements are cached by: keep it
/// constant, bind arrays (`= any(\(ids))`) rather than building lists.
package struct SQL: Sendable, ExpressibleByStringInterpolation {
    /// The text with `$n` placeholders; safe to log.
    package let text: String
    /// The parameters by position.
    let parameters: [Parameter]
    /// The parameters' binary forms, one after the other.
    let values: [UInt8]
    /// Whether the statement is prepared once a connection; false for text that is used once.
    var isPrepared = true

    package init(stringLiteral text: String) {
        self.text = text
        self.parameters = []
        self.values = []
    }

    package init(stringInterpolation: Interpolation) {
        self.text = stringInterpolation.text
        self.parameters = stringInterpolation.parameters
        self.values = stringInterpolation.values
    }

    /// The same statement, parsed anew on each use; for texts that are built and would push others out of the cache.
    package func once() -> SQL {
        var copy = self
        copy.isPrepared = false
        return copy
    }

    /// The start of the text on one line, to name the statement in logs and errors; never holds a value.
    package var operation: String {
        let words = text.split(whereSeparator: \.isWhitespace)
        var summary = ""
        for word in words where summary.utf8.count < 80 {
            summary += (summary.isEmpty ? "" : " ") + word
        }
        return summary
    }

    /// One parameter, without its value.
    struct Parameter: Sendable, Equatable {
        /// The declared type's `pg_type.oid`.
        let type: UInt32
        /// Bytes in `values`; -1 for NULL.
        let length: Int32
    }

    /// Collects text and parameters.
    package struct Interpolation: StringInterpolationProtocol {
        var text = ""
        var parameters: [Parameter] = []
        var values: [UInt8] = []

        /// `$1` to `$64`: short enough to live without memory of their own.
        private static let placeholders = (1...64).map { "$\($0)" }

        package init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 3)
            parameters.reserveCapacity(interpolationCount)
            values.reserveCapacity(interpolationCount * 16)
        }

        package mutating func appendLiteral(_ literal: String) {
            text += literal
        }

        /// Binds a value.
        package mutating func appendInterpolation<Value: PostgresBindable>(_ value: Value) {
            let start = values.count
            let isPresent = value.encodeParameter(into: &values)
            append(Value.parameterOID, isPresent ? values.count - start : nil)
        }

        /// Binds a value, or NULL.
        package mutating func appendInterpolation<Value: PostgresBindable>(_ value: Value?) {
            let start = values.count
            let isPresent = value?.encodeParameter(into: &values) ?? false
            append(Value.parameterOID, isPresent ? values.count - start : nil)
        }

        private mutating func append(_ type: UInt32, _ length: Int?) {
            precondition(length ?? 0 <= Int(Int32.max), "a parameter must be smaller than 2 GiB")
            parameters.append(Parameter(type: type, length: length.map(Int32.init) ?? -1))
            let number = parameters.count
            text += number <= Self.placeholders.count ? Self.placeholders[number - 1] : "$\(number)"
        }

        /// Splices constant text, such as a column list shared by several statements.
        package mutating func appendInterpolation(unsafe fragment: StaticString) {
            text += fragment.description
        }

        /// Splices a quoted name; for names that are known only at run time, such as a test's database.
        package mutating func appendInterpolation(identifier name: String) {
            text +=
                "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        }

        /// Splices a quoted text literal; only where PostgreSQL takes no parameter (`alter role … password '…'`).
        package mutating func appendInterpolation(literal value: String) {
            let quoted = value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
            let isPlain = !quoted.contains("\\")
            text +=
                isPlain
                ? "'\(quoted)'"
                : " E'" + quoted.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\")
                    + "'"
        }
    }
}
