/// Size and length of an ISO media file (MP4, MOV, M4A) whose index stands in front, as in files made for streaming.
struct MovieFacts: Sendable, Equatable {
    var width: Int?
    var height: Int?
    var seconds: Double?

    /// Boxes that are looked at; a file that is made of more is not worth the time.
    private static let maximumBoxes = 64

    /// - Parameter head: The start of the file. Reads nothing beyond it; what is missing stays nil.
    init(_ head: [UInt8]) {
        guard let movie = Self.boxes(head, in: 0..<head.count).first(where: { $0.type == "moov" }) else { return }
        for box in Self.boxes(head, in: movie.content) {
            if box.type == "mvhd" { seconds = Self.seconds(head, box.content.lowerBound) }
            guard box.type == "trak", width == nil,
                let track = Self.boxes(head, in: box.content).first(where: { $0.type == "tkhd" })
            else { continue }
            // Version 1 has longer times in front; sizes are 16.16 fixed point.
            let start = track.content.lowerBound + (head[safe: track.content.lowerBound] == 1 ? 88 : 76)
            guard let wide = Self.number(head, start, 2), let high = Self.number(head, start + 4, 2), wide > 0, high > 0
            else { continue }
            (width, height) = (Int(wide), Int(high))
        }
    }

    private static func seconds(_ head: [UInt8], _ start: Int) -> Double? {
        let isLong = head[safe: start] == 1
        guard let scale = number(head, start + (isLong ? 20 : 12), 4), scale > 0,
            let length = number(head, start + (isLong ? 24 : 16), isLong ? 8 : 4)
        else { return nil }
        let seconds = Double(length) / Double(scale)
        // All ones mean "unknown".
        return seconds > 0 && seconds < 86_400 ? seconds : nil
    }

    private static func boxes(_ head: [UInt8], in range: Range<Int>) -> [(type: String, content: Range<Int>)] {
        var boxes: [(type: String, content: Range<Int>)] = []
        var position = range.lowerBound
        while boxes.count < maximumBoxes, position + 8 <= range.upperBound, let size = number(head, position, 4) {
            let isLarge = size == 1
            let whole = isLarge ? number(head, position + 8, 8) ?? 0 : size
            let header = isLarge ? 16 : 8
            guard whole >= header, whole <= UInt64(Int32.max) else { break }
            let type = String(decoding: head[(position + 4)..<(position + 8)], as: UTF8.self)
            let end = min(range.upperBound, position + Int(whole))
            boxes.append((type, min(position + header, end)..<end))
            position += Int(whole)
        }
        return boxes
    }

    private static func number(_ head: [UInt8], _ offset: Int, _ count: Int) -> UInt64? {
        guard offset >= 0, offset + count <= head.count else { return nil }
        return head[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension [UInt8] {
    fileprivate subscript(safe index: Int) -> UInt8? { indices.contains(index) ? self[index] : nil }
}
