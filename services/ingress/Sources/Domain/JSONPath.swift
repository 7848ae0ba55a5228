internal import HTTP

/// Where the member names stand that lead to a value.
struct JSONPath {
    /// Paths are reported down to this depth.
    static let maximumDepth = 4

    /// The outermost first, at most `maximumDepth`.
    private var names: [4 of Range<Int>] = .init(repeating: 0..<0)
    /// How many names; those beyond `maximumDepth` are counted only.
    private(set) var depth = 0

    mutating func push(_ name: Range<Int>) {
        if depth < Self.maximumDepth { names[depth] = name }
        depth += 1
    }

    mutating func pop() { depth -= 1 }

    /// Whether the name at `index` is exactly this text.
    func has(_ name: StaticString, at index: Int, in bytes: Span<UInt8>) -> Bool {
        bytes.holds(name, names[index])
    }

    /// Where the name at `index` stands.
    func name(at index: Int) -> Range<Int> { names[index] }
}
