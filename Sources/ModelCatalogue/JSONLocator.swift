internal import Contracts

/// Finds the line of a member in JSON text that has been parsed before, so that a complaint about it can name the line.
struct JSONLocator {
    /// One step into a value.
    enum Part: Sendable, Equatable {
        case member(String)
        case element(Int)
    }

    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The line of the value at `path`, from 1; for a path that leads nowhere the line of its nearest container.
    func line(of path: [Part]) -> Int {
        var position = skippingSpace(0)
        for part in path {
            guard let next = step(part, from: position) else { break }
            position = next
        }
        return 1 + bytes.prefix(position).count { $0 == UInt8(ascii: "\n") }
    }

    /// The line of a syntax error: where the first byte stands that can't belong there; 1 if that is not known.
    static func syntaxLine(of error: any Error, in bytes: [UInt8]) -> Int {
        guard case DecodingError.dataCorrupted(let context) = error,
            let syntax = context.underlyingError as? JSONSyntaxError
        else { return 1 }
        return 1 + bytes.prefix(syntax.offset).count { $0 == UInt8(ascii: "\n") }
    }

    private func step(_ part: Part, from start: Int) -> Int? {
        let isObject = byte(start) == UInt8(ascii: "{")
        guard isObject || byte(start) == UInt8(ascii: "[") else { return nil }
        var position = skippingSpace(start + 1)
        var index = 0
        while position < bytes.count, byte(position) != UInt8(ascii: "}"), byte(position) != UInt8(ascii: "]") {
            let first = position
            if isObject { position = skippingSpace(skippingSpace(afterString(position)) + 1) }  // Past the colon.
            switch part {
            case .member(let name) where isObject && text(first) == name: return position
            case .element(let wanted) where !isObject && wanted == index: return position
            default: break
            }
            position = skippingSpace(afterValue(position))
            if byte(position) == UInt8(ascii: ",") { position = skippingSpace(position + 1) }
            index += 1
        }
        return nil
    }

    private func afterValue(_ start: Int) -> Int {
        switch byte(start) {
        case UInt8(ascii: "\""): return afterString(start)
        case UInt8(ascii: "{"), UInt8(ascii: "["): return afterContainer(start)
        default:
            var position = start
            while position < bytes.count, !",]} \n\r\t".utf8.contains(bytes[position]) { position += 1 }
            return max(position, start + 1)
        }
    }

    private func afterContainer(_ start: Int) -> Int {
        var depth = 0
        var position = start
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position = afterString(position)
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            position += 1
            if depth == 0 { return position }
        }
        return position
    }

    private func afterString(_ start: Int) -> Int {
        var position = start + 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(position + 1, bytes.count)
    }

    /// The string at `start` as it is written; names in model files have no escapes.
    private func text(_ start: Int) -> String {
        String(decoding: bytes[min(start + 1, bytes.count)..<max(start + 1, afterString(start) - 1)], as: UTF8.self)
    }

    private func byte(_ position: Int) -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private func skippingSpace(_ start: Int) -> Int {
        var position = start
        while let byte = byte(position), byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
        return position
    }
}
