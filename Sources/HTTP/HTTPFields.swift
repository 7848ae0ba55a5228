/// The header fields of a message, in order; names compare without case and may repeat.
///
/// All names and values lie one behind the other in one buffer, so that a header costs two allocations however many
/// lines it has, and text is made only of what somebody asks for.
package struct HTTPFields: Sendable, Hashable {
    /// One line of a header.
    package struct Field: Sendable, Hashable {
        /// As it was written.
        package var name: String
        /// Without surrounding white space.
        package var value: String
    }

    /// Where a line's name begins in `bytes`; its value follows at once.
    private struct Line: Sendable, Hashable {
        var start: Int32
        var nameCount: Int32
        var valueCount: Int32
    }

    private var bytes: [UInt8] = []
    private var entries: [Line] = []

    package init() {}

    /// How many lines there are.
    package var count: Int { entries.count }

    /// The first value of that name; nil if there is none. Setting replaces all lines of the name by one, in the place
    /// of the first, and nil removes them.
    package subscript(_ name: String) -> String? {
        get { firstIndex(of: name).map { value(at: $0) } }
        set {
            guard let newValue else { return remove(name) }
            guard let index = firstIndex(of: name) else { return add(name, newValue) }
            var kept = HTTPFields()
            for (position, field) in lines.enumerated() {
                if position == index {
                    kept.add(field.name, newValue)
                } else if position < index || !HTTPSyntax.equalsIgnoringCase(field.name, name) {
                    kept.add(field.name, field.value)
                }
            }
            self = kept
        }
    }

    /// All values of that name, in order.
    package func values(_ name: String) -> [String] {
        entries.indices.filter { isNamed(name, $0) }.map { value(at: $0) }
    }

    /// Adds a line at the end.
    package mutating func add(_ name: String, _ value: String) {
        let start = bytes.count
        bytes.append(contentsOf: name.utf8)
        let nameEnd = bytes.count
        bytes.append(contentsOf: value.utf8)
        entries.append(
            Line(start: Int32(start), nameCount: Int32(nameEnd - start), valueCount: Int32(bytes.count - nameEnd))
        )
    }

    /// Adds a line at the end.
    package mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        entries.append(
            Line(start: Int32(bytes.count), nameCount: Int32(name.count), valueCount: Int32(value.count))
        )
        unsafe name.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        unsafe value.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Adds a line whose name and value stand somewhere in `source`.
    package mutating func add(_ source: Span<UInt8>, name: Range<Int>, value: Range<Int>) {
        add(source.extracting(name), source.extracting(value))
    }

    /// Removes all lines of that name.
    package mutating func remove(_ name: String) {
        guard firstIndex(of: name) != nil else { return }
        var kept = HTTPFields()
        for field in lines where !HTTPSyntax.equalsIgnoringCase(field.name, name) { kept.add(field.name, field.value) }
        self = kept
    }

    /// Makes room for that many lines and the bytes of their names and values.
    package mutating func reserveCapacity(_ count: Int, bytes byteCount: Int = 0) {
        entries.reserveCapacity(count)
        bytes.reserveCapacity(byteCount)
    }

    /// Lends one line's name and value as bytes: for writing a header without making text of it.
    package func withLine<Result>(
        at index: Int,
        _ body: (_ name: Span<UInt8>, _ value: Span<UInt8>) -> Result
    ) -> Result {
        let (name, value) = ranges(at: index)
        return body(bytes.span.extracting(name), bytes.span.extracting(value))
    }

    private func ranges(at index: Int) -> (name: Range<Int>, value: Range<Int>) {
        let line = entries[index]
        let nameEnd = Int(line.start) + Int(line.nameCount)
        return (Int(line.start)..<nameEnd, nameEnd..<(nameEnd + Int(line.valueCount)))
    }

    private func value(at index: Int) -> String {
        String(decoding: bytes[ranges(at: index).value], as: UTF8.self)
    }

    private func firstIndex(of name: String) -> Int? {
        entries.indices.first { isNamed(name, $0) }
    }

    private func isNamed(_ name: String, _ index: Int) -> Bool {
        let range = ranges(at: index).name
        guard range.count == name.utf8.count else { return false }
        var position = range.lowerBound
        for byte in name.utf8 {
            if byte != bytes[position], HTTPSyntax.lowercase(byte) != HTTPSyntax.lowercase(bytes[position]) {
                return false
            }
            position += 1
        }
        return true
    }
}

extension HTTPFields: Sequence {
    /// Name and value of each line, in order.
    package func makeIterator() -> AnyIterator<(name: String, value: String)> {
        var rest = lines[...]
        return AnyIterator { rest.popFirst().map { ($0.name, $0.value) } }
    }

    /// The lines as text.
    package var lines: [Field] {
        entries.indices.map { index in
            Field(
                name: String(decoding: bytes[ranges(at: index).name], as: UTF8.self),
                value: value(at: index)
            )
        }
    }
}

extension HTTPFields: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }
}
