/// The header fields of a message, in order; names compare without case and may repeat.
package struct HTTPFields: Sendable, Hashable {
    /// One line of a header.
    package struct Field: Sendable, Hashable {
        /// As it was written.
        package var name: String
        /// Without surrounding white space.
        package var value: String
    }

    private var fields: [Field] = []

    package init() {}

    /// How many lines there are.
    package var count: Int { fields.count }

    /// The first value of that name; nil if there is none. Setting replaces all lines of the name by one, in the place
    /// of the first, and nil removes them.
    package subscript(_ name: String) -> String? {
        get { fields.first { HTTPSyntax.equalsIgnoringCase($0.name, name) }?.value }
        set {
            guard let newValue else { return remove(name) }
            guard let index = fields.firstIndex(where: { HTTPSyntax.equalsIgnoringCase($0.name, name) }) else {
                return add(name, newValue)
            }
            let tail = fields[(index + 1)...].filter { !HTTPSyntax.equalsIgnoringCase($0.name, name) }
            fields[index].value = newValue
            fields.replaceSubrange((index + 1)..., with: tail)
        }
    }

    /// All values of that name, in order.
    package func values(_ name: String) -> [String] {
        fields.filter { HTTPSyntax.equalsIgnoringCase($0.name, name) }.map(\.value)
    }

    /// Adds a line at the end.
    package mutating func add(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Removes all lines of that name.
    package mutating func remove(_ name: String) {
        fields.removeAll { HTTPSyntax.equalsIgnoringCase($0.name, name) }
    }

    /// Makes room for that many lines.
    package mutating func reserveCapacity(_ count: Int) {
        fields.reserveCapacity(count)
    }
}

extension HTTPFields: Sequence {
    /// Name and value of each line, in order.
    package func makeIterator() -> AnyIterator<(name: String, value: String)> {
        var position = 0
        let fields = fields
        return AnyIterator {
            guard position < fields.count else { return nil }
            defer { position += 1 }
            return (fields[position].name, fields[position].value)
        }
    }

    /// The lines as an array, for loops that must not allocate an iterator.
    package var lines: [Field] { fields }
}

extension HTTPFields: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }
}
