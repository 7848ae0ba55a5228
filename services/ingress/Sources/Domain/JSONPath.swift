/// The member names that lead to a value.
struct JSONPath {
    /// Paths are reported down to this depth.
    static let maximumDepth = 4

    private let bytes: [UInt8]
    /// Where the names stand in `bytes`, as many as `depth`.
    private var names: [4 of Range<Int>] = .init(repeating: 0..<0)
    /// How many names; those beyond `maximumDepth` are counted only.
    private(set) var depth = 0

    init(in bytes: [UInt8]) { self.bytes = bytes }

    mutating func push(_ name: Range<Int>) {
        if depth < Self.maximumDepth { names[depth] = name }
        depth += 1
    }

    mutating func pop() { depth -= 1 }

    /// Whether the name at `index` is exactly this text.
    func has(_ name: StaticString, at index: Int) -> Bool {
        let range = names[index]
        guard range.count == name.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count where unsafe name.utf8Start[offset] != bytes[range.lowerBound + offset] {
            return false
        }
        return true
    }

    /// The name at `index` as text.
    func name(at index: Int) -> String { String(decoding: bytes[names[index]], as: UTF8.self) }
}
