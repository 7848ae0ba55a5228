/// The member names that lead to a value.
struct JSONPath {
    let bytes: [UInt8]
    let names: [Range<Int>]

    /// How many names.
    var depth: Int { names.count }

    /// Whether the name at `index` is exactly this text.
    func has(_ name: StaticString, at index: Int) -> Bool {
        let range = names[index]
        guard range.count == name.utf8CodeUnitCount else { return false }
        return unsafe UnsafeBufferPointer(start: name.utf8Start, count: range.count)
            .elementsEqual(bytes[range])
    }

    /// The name at `index` as text.
    func name(at index: Int) -> String { String(decoding: bytes[names[index]], as: UTF8.self) }
}
