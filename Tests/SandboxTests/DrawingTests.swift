import Testing

@testable import Sandbox

@Suite struct DrawingTests {
    /// Reads a PNG file strictly: signature, chunk order, CRCs, zlib stream, Adler-32.
    private func decode(_ file: [UInt8]) throws -> (width: Int, height: Int, palette: [UInt8], pixels: [UInt8]) {
        try #require(Array(file.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        var index = 8
        var chunks: [(name: String, content: [UInt8])] = []
        while index < file.count {
            let length = file[index..<index + 4].reduce(0) { $0 << 8 | Int($1) }
            let named = Array(file[index + 4..<index + 8 + length])
            let crc = file[index + 8 + length..<index + 12 + length].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            try #require(crc == bitwiseCRC(named))
            chunks.append((String(decoding: named.prefix(4), as: UTF8.self), Array(named.dropFirst(4))))
            index += 12 + length
        }
        try #require(chunks.first?.name == "IHDR" && chunks.last?.name == "IEND")
        let header = chunks[0].content
        let width = header[0..<4].reduce(0) { $0 << 8 | Int($1) }
        let height = header[4..<8].reduce(0) { $0 << 8 | Int($1) }
        let rows = try Inflater.zlib(chunks.filter { $0.name == "IDAT" }.flatMap(\.content))
        try #require(rows.count == (width + 1) * height)
        let stride = width + 1
        let pixels = (0..<height).flatMap { (row: Int) -> ArraySlice<UInt8> in
            rows[row * stride + 1..<(row + 1) * stride]
        }
        return (width, height, try #require(chunks.first { $0.name == "PLTE" }).content, Array(pixels))
    }

    /// CRC-32 without a table, so that a wrong table is noticed.
    private func bitwiseCRC(_ bytes: [UInt8]) -> UInt32 {
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return ~value
    }

    @Test(arguments: [1, 2, 7, 64, 333])
    func `a picture comes back from its PNG pixel by pixel`(width: Int) throws {
        var random = SystemRandomNumberGenerator()
        var canvas = Canvas(width: width, height: 61)
        let ramp = canvas.addRamp(through: [Colour(0x102030), Colour(0xFFEEDD)], count: 200)
        canvas.fillGradient(ramp: ramp, count: 200)
        canvas.fillPanel(x: 3, y: 5, width: width - 4, height: 40, radius: 8, index: 7)
        for _ in 0..<500 {
            canvas.pixels[Int.random(in: 0..<canvas.pixels.count, using: &random)] = UInt8.random(in: 0..<200)
        }
        let decoded = try decode(PNG.encode(canvas, text: [("Comment", "проба")]))
        #expect(decoded.width == width && decoded.height == 61)
        #expect(decoded.pixels == canvas.pixels)
        #expect(Array(decoded.palette.prefix(3)) == [0x10, 0x20, 0x30])
    }

    @Test(arguments: [0, 1, 3, 4, 40_000])
    func `what deflate packs inflate unpacks`(count: Int) throws {
        let noisy = (0..<count).map { _ in UInt8.random(in: .min ... .max) }
        let even = [UInt8](repeating: 200, count: count)
        let periodic = (0..<count).map { UInt8($0 % 251) }
        for input in [noisy, even, periodic] {
            #expect(try Inflater.zlib(Deflate.zlib(input)) == input)
        }
    }

    @Test func `a placard of every shape stays within 1024 pixels and shows the hash of the photo`() throws {
        let fonts = try Resources().fonts
        for aspect in ["1:8", "21:9", "landscape_4_3", "1024x1536", ""] {
            let size = Placard.size(aspect: aspect)
            #expect((200...1_024).contains(size.width) && (200...1_024).contains(size.height), "\(aspect)")
            var plain = Placard(
                model: "model/with-a-very-long-name-that-does-not-fit-into-one-line-of-a-narrow-picture",
                prompt: String(repeating: "Съешь ещё этих мягких французских булок 🐈 ", count: 60),
                settings: [("aspect_ratio", aspect)]
            )
            let without = plain.draw(width: size.width, height: size.height, fonts: fonts)
            plain.photoHash = String(repeating: "ab12", count: 16)
            let with = plain.draw(width: size.width, height: size.height, fonts: fonts)
            #expect(without.pixels != with.pixels)
            if aspect == "1:8" { #expect(try decode(PNG.encode(with)).pixels == with.pixels) }
        }
    }

    @Test func `text is wrapped within its width and shortened at the limit`() throws {
        let font = try Resources().fonts.body
        let lines = font.wrap(
            String(repeating: "слово ", count: 100) + String(repeating: "ы", count: 90),
            width: 300,
            limit: 50
        )
        #expect(lines.allSatisfy { font.width(of: $0) <= 300 })
        #expect(lines.joined(separator: " ").filter { $0 == "ы" }.count == 90)
        let short = font.wrap(String(repeating: "слово ", count: 100), width: 300, limit: 3)
        #expect(short.count == 3)
        #expect(short.last?.hasSuffix("…") == true)
        #expect(short.allSatisfy { font.width(of: $0) <= 300 })
    }

    @Test func `dimensions are read from the heads of pictures`() throws {
        let jpeg: [UInt8] =
            [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2] + [0xFF, 0xC2, 0, 17, 8, 0x02, 0x58, 0x03, 0x20, 3]
            + [UInt8](repeating: 0, count: 20)
        #expect(ImageFacts(jpeg)?.width == 800)
        #expect(ImageFacts(jpeg)?.height == 600)
        #expect(ImageFacts(Array("GIF89a".utf8) + [0x40, 0x01, 0xF0, 0x00, 0])?.width == 320)
        #expect(ImageFacts(Array("<html>".utf8)) == nil)
        #expect(ImageFacts(Array(jpeg.prefix(12))) == nil)
        #expect(ImageFacts([]) == nil)
    }

    @Test func `equal sounds of different tasks are different files that say their true size`() throws {
        let one = Sound.tone(seconds: 2, pitch: 440, remark: "task 1")
        let two = Sound.tone(seconds: 2, pitch: 440, remark: "task 2")
        #expect(one != two)
        let declared = (0..<4).reduce(0) { $0 | Int(one[4 + $1]) << (8 * $1) }
        #expect(declared == one.count - 8)
        let clips = try Resources().clips
        let mp4 = try #require(clips["clip-wide.mp4"])
        let tagged = Sound.tagged(mp4: mp4, remark: "task 1")
        #expect(tagged != Sound.tagged(mp4: mp4, remark: "task 2"))
        var index = 0
        while index + 8 <= tagged.count { index += tagged[index..<index + 4].reduce(0) { $0 << 8 | Int($1) } }
        #expect(index == tagged.count, "the boxes of an MP4 fill the file exactly")
    }
}

/// An independent reader of zlib streams with fixed Huffman codes or stored blocks.
struct Inflater {
    struct Broken: Error {}

    private let bytes: [UInt8]
    private var place = 16  // Behind the two bytes of the header, in bits.

    static func zlib(_ bytes: [UInt8]) throws -> [UInt8] {
        guard bytes.count >= 6, bytes[0] & 15 == 8, (Int(bytes[0]) << 8 | Int(bytes[1])) % 31 == 0 else {
            throw Broken()
        }
        var inflater = Inflater(bytes: bytes)
        let output = try inflater.blocks()
        let end = (inflater.place + 7) / 8
        guard end + 4 == bytes.count else { throw Broken() }
        var (low, high) = (1, 0)
        for byte in output { (low, high) = ((low + Int(byte)) % 65_521, (high + low + Int(byte)) % 65_521) }
        guard bytes[end..<end + 4].reduce(0, { $0 << 8 | Int($1) }) == high << 16 | low else { throw Broken() }
        return output
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func bits(_ count: Int) throws -> Int {
        var value = 0
        for shift in 0..<count {
            guard place / 8 < bytes.count else { throw Broken() }
            value |= Int(bytes[place / 8] >> UInt8(place % 8) & 1) << shift
            place += 1
        }
        return value
    }

    private mutating func symbol() throws -> Int {
        var code = 0
        for length in 1...9 {
            code = code << 1 | (try bits(1))
            if length == 7, code < 24 { return code + 256 }
            if length == 8, (48..<192).contains(code) { return code - 48 }
            if length == 8, (192..<200).contains(code) { return code - 192 + 280 }
            if length == 9, (400..<512).contains(code) { return code - 400 + 144 }
        }
        throw Broken()
    }

    private mutating func blocks() throws -> [UInt8] {
        var output: [UInt8] = []
        var isLast = false
        while !isLast {
            isLast = try bits(1) == 1
            guard try bits(2) == 1 else { throw Broken() }
            while true {
                let symbol = try symbol()
                if symbol == 256 { break }
                if symbol < 256 {
                    output.append(UInt8(symbol))
                    continue
                }
                let length = try length(symbol - 257)
                let distance = try distance()
                guard distance <= output.count else { throw Broken() }
                for _ in 0..<length { output.append(output[output.count - distance]) }
            }
        }
        return output
    }

    private mutating func length(_ row: Int) throws -> Int {
        let bases = [
            3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
            227, 258,
        ]
        let extras = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
        guard row < bases.count else { throw Broken() }
        return bases[row] + (try bits(extras[row]))
    }

    private mutating func distance() throws -> Int {
        var row = 0
        for _ in 0..<5 { row = row << 1 | (try bits(1)) }
        guard row < 30 else { throw Broken() }
        if row < 4 { return row + 1 }
        let extra = row / 2 - 1
        return 1 + (2 + row % 2) << extra + (try bits(extra))
    }
}
