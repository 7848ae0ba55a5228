/// What the first bytes of a picture say about it.
struct ImageFacts: Equatable, Sendable {
    var mimeType: String
    var width: Int
    var height: Int

    /// - Returns: nil for anything but PNG, JPEG, GIF and WebP with readable dimensions.
    init?(_ file: [UInt8]) {
        if file.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]), file.count >= 24 {
            self.init(mimeType: "image/png", width: Self.big(file, 16, 4), height: Self.big(file, 20, 4))
        } else if file.starts(with: [0xFF, 0xD8]), let size = Self.jpegSize(file) {
            self.init(mimeType: "image/jpeg", width: size.width, height: size.height)
        } else if file.starts(with: Array("GIF8".utf8)), file.count >= 10 {
            self.init(mimeType: "image/gif", width: Self.little(file, 6, 2), height: Self.little(file, 8, 2))
        } else if file.count >= 30, file.starts(with: Array("RIFF".utf8)), Array(file[8..<12]) == Array("WEBP".utf8),
            let size = Self.webpSize(file)
        {
            self.init(mimeType: "image/webp", width: size.width, height: size.height)
        } else {
            return nil
        }
        guard width > 0, height > 0 else { return nil }
    }

    private init(mimeType: String, width: Int, height: Int) {
        self.mimeType = mimeType
        self.width = width
        self.height = height
    }

    private static func big(_ file: [UInt8], _ at: Int, _ count: Int) -> Int {
        file[at..<at + count].reduce(0) { $0 << 8 | Int($1) }
    }

    private static func little(_ file: [UInt8], _ at: Int, _ count: Int) -> Int {
        file[at..<at + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// Walks the JPEG segments to the frame header.
    private static func jpegSize(_ file: [UInt8]) -> (width: Int, height: Int)? {
        var index = 2
        while index + 9 < file.count {
            guard file[index] == 0xFF else { return nil }
            let marker = file[index + 1]
            if marker == 0xFF {
                index += 1
                continue
            }
            let isFrame = (0xC0...0xCF).contains(marker) && ![0xC4, 0xC8, 0xCC].contains(marker)
            if isFrame { return (big(file, index + 7, 2), big(file, index + 5, 2)) }
            index += 2 + big(file, index + 2, 2)
        }
        return nil
    }

    private static func webpSize(_ file: [UInt8]) -> (width: Int, height: Int)? {
        switch String(decoding: file[12..<16], as: UTF8.self) {
        case "VP8 ": return (little(file, 26, 2) & 0x3FFF, little(file, 28, 2) & 0x3FFF)
        case "VP8X": return (little(file, 24, 3) + 1, little(file, 27, 3) + 1)
        case "VP8L":
            let bits = little(file, 21, 4)
            return (bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
        default: return nil
        }
    }
}
