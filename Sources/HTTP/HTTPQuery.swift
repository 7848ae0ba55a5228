/// The decoded name-value pairs of a query string or form, in order.
package struct HTTPQuery: Sendable, Hashable {
    private var pairs: [Pair] = []

    private struct Pair: Sendable, Hashable {
        let name: String
        let value: String
    }

    /// - Parameter text: `a=1&b=two+words%21`, without the question mark. A pair without `=` has an empty value; one that
    ///   is not percent-encoded UTF-8 is left out.
    package init(_ text: some StringProtocol) {
        for part in text.split(separator: "&") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = percentDecode(sides[0], plusIsSpace: true),
                let value = sides.count == 2 ? percentDecode(sides[1], plusIsSpace: true) : ""
            else { continue }
            pairs.append(Pair(name: name, value: value))
        }
    }

    /// The first value of that name; names are case-sensitive.
    package subscript(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// All values of that name, in order.
    package func values(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }
}

extension HTTPQuery: Sequence {
    package func makeIterator() -> AnyIterator<(name: String, value: String)> {
        var rest = pairs[...]
        return AnyIterator { rest.popFirst().map { ($0.name, $0.value) } }
    }
}
