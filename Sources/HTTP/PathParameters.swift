/// The decoded values of a route's `{names}`, in the order of the path.
package struct PathParameters: Sendable, Hashable {
    private let names: [String]
    private let values: [String]

    /// - Parameters:
    ///   - names: Without repetition; the route keeps them, so no request copies them.
    ///   - values: As many as there are names.
    package init(names: [String], values: [String]) {
        precondition(names.count == values.count, "every name of a path has one value")
        self.names = names
        self.values = values
    }

    package init() {
        self.init(names: [], values: [])
    }

    /// The value of that name; nil if the route has no such name.
    package subscript(_ name: String) -> String? { names.firstIndex(of: name).map { values[$0] } }
}

extension PathParameters: Sequence {
    package func makeIterator() -> AnyIterator<(key: String, value: String)> {
        var pairs = zip(names, values).makeIterator()
        return AnyIterator { pairs.next().map { (key: $0, value: $1) } }
    }
}

extension PathParameters: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init(names: elements.map(\.0), values: elements.map(\.1))
    }
}
