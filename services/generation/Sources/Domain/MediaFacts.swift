internal import Contracts

/// What the first bytes of a file say about it. Neither the provider's content type nor a file name is trusted.
struct MediaFacts: Sendable, Equatable {
    var kind: MediaKind
    var mimeType: String
    /// The usual file name ending.
    var ending: String
    var width: Int?
    var height: Int?
    /// Length of a video or sound, where the start of the file tells it.
    var seconds: Double?

    /// How many bytes from the start are needed; JPEG keeps its size behind the metadata.
    static let headBytes = 256 << 10

    /// Words that the provider answered with; nothing in a file's bytes would tell.
    static let plainText = MediaFacts(.text, "text/plain", "txt")

    /// - Parameter head: The start of the file. nil if it is of no known type: an error page, for example.
    init?(_ head: [UInt8]) {
        let bytes = Bytes(head)
        if bytes.has([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
            self.init(.image, "image/png", "png", bytes.big32(16), bytes.big32(20))
        } else if bytes.has([0xff, 0xd8, 0xff]) {
            let size = Self.jpegSize(bytes)
            self.init(.image, "image/jpeg", "jpg", size?.width, size?.height)
        } else if bytes.hasText("GIF8") {
            self.init(.image, "image/gif", "gif", bytes.little16(6), bytes.little16(8))
        } else if bytes.hasText("RIFF"), bytes.hasText("WEBP", at: 8) {
            let size = Self.webpSize(bytes)
            self.init(.image, "image/webp", "webp", size?.width, size?.height)
        } else if bytes.hasText("RIFF"), bytes.hasText("WAVE", at: 8) {
            self.init(.audio, "audio/wav", "wav")
        } else if bytes.hasText("ftyp", at: 4) {
            self = Self.isoMedia(bytes)
            let movie = MovieFacts(head)
            (width, height, seconds) = (movie.width, movie.height, movie.seconds)
        } else if bytes.has([0x1a, 0x45, 0xdf, 0xa3]) {
            self.init(.video, "video/webm", "webm")
        } else if bytes.hasText("OggS") {
            self.init(.audio, "audio/ogg", "ogg")
        } else if bytes.hasText("fLaC") {
            self.init(.audio, "audio/flac", "flac")
        } else if bytes.hasText("ID3") || bytes.isMPEGAudioFrame {
            self.init(.audio, "audio/mpeg", "mp3")
        } else {
            return nil
        }
    }

    private init(_ kind: MediaKind, _ mimeType: String, _ ending: String, _ width: Int? = nil, _ height: Int? = nil) {
        self.kind = kind
        self.mimeType = mimeType
        self.ending = ending
        self.width = width
        self.height = height
    }

    private static func isoMedia(_ bytes: Bytes) -> MediaFacts {
        if bytes.hasText("M4A", at: 8) { return MediaFacts(.audio, "audio/mp4", "m4a") }
        if bytes.hasText("qt", at: 8) { return MediaFacts(.video, "video/quicktime", "mov") }
        if bytes.hasText("heic", at: 8) || bytes.hasText("mif1", at: 8) {
            return MediaFacts(.image, "image/heic", "heic")
        }
        if bytes.hasText("avif", at: 8) { return MediaFacts(.image, "image/avif", "avif") }
        return MediaFacts(.video, "video/mp4", "mp4")
    }

    /// Walks the segments to the frame header (ITU T.81 annex B).
    private static func jpegSize(_ bytes: Bytes) -> (width: Int, height: Int)? {
        var position = 2
        while let marker = bytes[position + 1], bytes[position] == 0xff {
            if (0xc0...0xcf).contains(marker), ![0xc4, 0xc8, 0xcc].contains(marker) {
                guard let height = bytes.big16(position + 5), let width = bytes.big16(position + 7) else { return nil }
                return (width, height)
            }
            guard marker != 0xda, let length = bytes.big16(position + 2), length >= 2 else { return nil }
            position += 2 + length
        }
        return nil
    }

    private static func webpSize(_ bytes: Bytes) -> (width: Int, height: Int)? {
        if bytes.hasText("VP8X", at: 12), let width = bytes.little24(24), let height = bytes.little24(27) {
            return (width + 1, height + 1)
        }
        if bytes.hasText("VP8 ", at: 12), let width = bytes.little16(26), let height = bytes.little16(28) {
            return (width & 0x3fff, height & 0x3fff)
        }
        return nil
    }
}

/// Reads that answer nil beyond the end.
private struct Bytes {
    private let head: [UInt8]

    init(_ head: [UInt8]) {
        self.head = head
    }

    subscript(_ offset: Int) -> UInt8? { head.indices.contains(offset) ? head[offset] : nil }

    func has(_ prefix: [UInt8]) -> Bool { head.starts(with: prefix) }

    func hasText(_ text: StaticString, at offset: Int = 0) -> Bool {
        let wanted = Array(text.description.utf8)
        return head.count >= offset + wanted.count && Array(head[offset..<offset + wanted.count]) == wanted
    }

    /// A frame's sync bits and a layer that is not reserved.
    var isMPEGAudioFrame: Bool {
        guard let first = self[0], let second = self[1] else { return false }
        return first == 0xff && second & 0xe0 == 0xe0 && second & 0x06 != 0
    }

    func big16(_ offset: Int) -> Int? { number(offset, [8, 0]) }
    func big32(_ offset: Int) -> Int? { number(offset, [24, 16, 8, 0]) }
    func little16(_ offset: Int) -> Int? { number(offset, [0, 8]) }
    func little24(_ offset: Int) -> Int? { number(offset, [0, 8, 16]) }

    private func number(_ offset: Int, _ shifts: [Int]) -> Int? {
        guard offset + shifts.count <= head.count else { return nil }
        return shifts.enumerated().reduce(0) { $0 | Int(head[offset + $1.offset]) << $1.element }
    }
}
