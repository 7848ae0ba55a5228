/// A small zlib (RFC 1950/1951) encoder: one block of fixed Huffman codes, matches found through a table of the last
/// place of every four bytes. Made for drawings with long repeats, which shrink a hundredfold; never wrong, only larger,
/// for other data.
struct Deflate {
    private var output: [UInt8] = [0x78, 0x01]
    private var bits: UInt64 = 0
    private var bitCount = 0

    private static let window = 32_768
    private static let longest = 258
    private static let hashBits = 15

    /// The zlib stream of `input`.
    static func zlib(_ input: [UInt8]) -> [UInt8] {
        var encoder = Deflate()
        encoder.put(0b011, 3)  // Last block, fixed codes.
        encoder.body(input)
        encoder.literalOrLength(256)
        encoder.flush()
        encoder.output.appendBigEndian(Checksums.adler32(input))
        return encoder.output
    }

    private mutating func body(_ input: [UInt8]) {
        var lastPlace = [Int](repeating: -1, count: 1 << Self.hashBits)
        var index = 0
        while index < input.count {
            guard index + 4 <= input.count else {
                literalOrLength(Int(input[index]))
                index += 1
                continue
            }
            let hash = Self.hash(input, index)
            let candidate = lastPlace[hash]
            lastPlace[hash] = index
            let length = candidate >= 0 && index - candidate <= Self.window ? Self.match(input, candidate, index) : 0
            if length >= 4 {
                copy(length: length, distance: index - candidate)
                index += length
            } else {
                literalOrLength(Int(input[index]))
                index += 1
            }
        }
    }

    private static func hash(_ input: [UInt8], _ index: Int) -> Int {
        let word =
            UInt32(input[index]) | UInt32(input[index + 1]) << 8 | UInt32(input[index + 2]) << 16
            | UInt32(input[index + 3]) << 24
        return Int((word &* 2_654_435_761) >> UInt32(32 - hashBits))
    }

    private static func match(_ input: [UInt8], _ earlier: Int, _ later: Int) -> Int {
        let limit = min(longest, input.count - later)
        var length = 0
        while length < limit && input[earlier + length] == input[later + length] { length += 1 }
        return length
    }

    /// The fixed code of a literal (0...255), the end mark (256) or a length symbol (257...285); RFC 1951 section 3.2.6.
    private mutating func literalOrLength(_ symbol: Int) {
        switch symbol {
        case 0..<144: putReversed(0x30 + symbol, 8)
        case 144..<256: putReversed(0x190 + symbol - 144, 9)
        case 256..<280: putReversed(symbol - 256, 7)
        default: putReversed(0xC0 + symbol - 280, 8)
        }
    }

    private mutating func copy(length: Int, distance: Int) {
        let lengthRow = Self.row(of: length, in: Self.lengths)
        literalOrLength(257 + lengthRow)
        put(UInt64(length - Self.lengths[lengthRow].base), Self.lengths[lengthRow].extra)
        let distanceRow = Self.row(of: distance, in: Self.distances)
        putReversed(distanceRow, 5)
        put(UInt64(distance - Self.distances[distanceRow].base), Self.distances[distanceRow].extra)
    }

    private static func row(of value: Int, in table: [(base: Int, extra: Int)]) -> Int {
        var low = 0
        var high = table.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if table[middle].base <= value { low = middle } else { high = middle - 1 }
        }
        return low
    }

    private static let lengths: [(base: Int, extra: Int)] = {
        var rows: [(base: Int, extra: Int)] = []
        var base = 3
        for symbol in 0..<28 {
            let extra = symbol < 8 ? 0 : (symbol - 4) / 4
            rows.append((base, extra))
            base += 1 << extra
        }
        // 258 has a symbol of its own although the one before it could say it.
        return rows + [(258, 0)]
    }()

    private static let distances: [(base: Int, extra: Int)] = {
        var rows: [(base: Int, extra: Int)] = []
        var base = 1
        for symbol in 0..<30 {
            let extra = symbol < 4 ? 0 : (symbol - 2) / 2
            rows.append((base, extra))
            base += 1 << extra
        }
        return rows
    }()

    /// Huffman codes go out with their highest bit first.
    private mutating func putReversed(_ code: Int, _ count: Int) {
        var reversed: UInt64 = 0
        for place in 0..<count where code >> place & 1 == 1 { reversed |= 1 << UInt64(count - 1 - place) }
        put(reversed, count)
    }

    private mutating func put(_ value: UInt64, _ count: Int) {
        bits |= value << UInt64(bitCount)
        bitCount += count
        while bitCount >= 8 {
            output.append(UInt8(bits & 0xFF))
            bits >>= 8
            bitCount -= 8
        }
    }

    private mutating func flush() {
        if bitCount > 0 { put(0, 8 - bitCount) }
    }
}
