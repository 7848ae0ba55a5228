internal import HTTP

/// The chunked transfer coding (RFC 9112, section 7.1). Extensions and trailers are checked, counted and dropped.
extension HTTP1Parser {
    mutating func nextChunked(_ bytes: Span<UInt8>, _ position: inout Int) throws(HTTPRefusal) -> Event {
        while true {
            switch phase {
            case .chunkSize:
                guard let line = try Self.chunkLine(bytes, position, extensionLimit: extensionLeft) else {
                    return .needMore
                }
                position += line.bytes
                extensionLeft -= line.extensionBytes
                guard line.size <= bodyLeft else { throw .bodyTooLarge }
                bodyLeft -= line.size
                phase = line.size == 0 ? .trailer(bytes: 0, count: 0) : .chunkData(left: line.size)
            case .chunkData(let left):
                guard let range = take(left, bytes, &position) else { return .needMore }
                phase = range.count == left ? .chunkEnd : .chunkData(left: left - range.count)
                return .body(range)
            case .chunkEnd:
                if position < bytes.count, bytes[position] != 13 { throw .chunk }
                guard position + 1 < bytes.count else { return .needMore }
                guard bytes[position + 1] == 10 else { throw .chunk }
                position += 2
                phase = .chunkSize
            case .trailer(let size, let count):
                guard let line = try trailerLine(bytes, position, limit: limits.headerBytes - size) else {
                    return .needMore
                }
                position += line
                if line == 2 {
                    phase = .head(HeadScan())
                    return .end
                }
                guard count < limits.headerCount else { throw .headerTooLarge }
                phase = .trailer(bytes: size + line, count: count + 1)
            default: preconditionFailure("called in the phases above only")
            }
        }
    }

    private struct ChunkLine {
        var size = 0
        var bytes = 0
        var extensionBytes = 0
    }

    /// Reads `size [;name[=value]]… CRLF`; nil if it is not complete. Reads again from the line's beginning each time,
    /// which the limits on digits and extensions keep short.
    private static func chunkLine(
        _ bytes: Span<UInt8>,
        _ start: Int,
        extensionLimit: Int
    ) throws(HTTPRefusal) -> ChunkLine? {
        var line = ChunkLine()
        var index = start
        while index < bytes.count, let digit = HTTPSyntax.hexValue(bytes[index]) {
            // 15 digits cannot overflow.
            guard index - start < 15 else { throw .chunk }
            line.size = line.size << 4 | Int(digit)
            index += 1
        }
        guard index < bytes.count else { return nil }
        guard index > start else { throw .chunk }
        let extensionStart = index
        var syntax = ChunkExtension()
        while bytes[index] != 13 {
            guard index - extensionStart < extensionLimit, syntax.take(bytes[index]) else { throw .chunk }
            index += 1
            guard index < bytes.count else { return nil }
        }
        guard syntax.isComplete else { throw .chunk }
        guard index + 1 < bytes.count else { return nil }
        guard bytes[index + 1] == 10 else { throw .chunk }
        line.extensionBytes = index - extensionStart
        line.bytes = index + 2 - start
        return line
    }

    /// The length of one trailer line with its end, 2 for the empty line after the last; nil if it is not complete.
    private func trailerLine(_ bytes: Span<UInt8>, _ start: Int, limit: Int) throws(HTTPRefusal) -> Int? {
        let stop = min(bytes.count, start + limit)
        let index = bytes.endOfLine(start, before: stop)
        guard index < stop else {
            if index == start + limit { throw .headerTooLarge }
            return nil
        }
        guard bytes[index] == 13 else { throw .bareLineFeed }
        guard index + 1 < bytes.count else { return nil }
        guard bytes[index + 1] == 10 else { throw .bareCarriageReturn }
        if index > start {
            var end = start
            _ = try Self.scanField(bytes, &end)
        }
        return index + 2 - start
    }
}

/// `*( ";" token [ "=" ( token / quoted-string ) ] )`, a byte at a time. White space is refused: RFC 9112 lets a
/// recipient parse it and nobody sends it.
private struct ChunkExtension {
    private enum State {
        case outside
        case nameStart
        case name
        case valueStart
        case token
        case quoted
        case escaped
        case afterQuoted
    }
    private var state = State.outside

    var isComplete: Bool {
        switch state {
        case .outside, .name, .token, .afterQuoted: true
        case .nameStart, .valueStart, .quoted, .escaped: false
        }
    }

    /// False if the byte may not stand here.
    mutating func take(_ byte: UInt8) -> Bool {
        let isToken = HTTPSyntax.isTokenByte(byte)
        switch (state, byte) {
        case (.outside, UInt8(ascii: ";")), (.name, UInt8(ascii: ";")), (.token, UInt8(ascii: ";")),
            (.afterQuoted, UInt8(ascii: ";")):
            state = .nameStart
        case (.nameStart, _) where isToken, (.name, _) where isToken: state = .name
        case (.name, UInt8(ascii: "=")): state = .valueStart
        case (.valueStart, UInt8(ascii: "\"")): state = .quoted
        case (.valueStart, _) where isToken, (.token, _) where isToken: state = .token
        case (.quoted, UInt8(ascii: "\"")): state = .afterQuoted
        case (.quoted, UInt8(ascii: "\\")): state = .escaped
        case (.quoted, _) where HTTPSyntax.isFieldValueByte(byte): break
        case (.escaped, _) where HTTPSyntax.isFieldValueByte(byte): state = .quoted
        default: return false
        }
        return true
    }
}
