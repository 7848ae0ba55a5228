/// How parsers read bytes without copying them. Loops over bytes live in this module, because calls across modules are not
/// inlined.
extension Span<UInt8> {
    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    package func text(_ range: Range<Int>) -> String {
        unsafe extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the bytes are exactly these.
    package func holds(_ text: StaticString, _ range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count where unsafe self[range.lowerBound + offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }

    /// Whether the bytes are these when case does not count; `text` is lower case.
    package func matches(_ text: StaticString, _ range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count
        where unsafe HTTPSyntax.lowercase(self[range.lowerBound + offset]) != text.utf8Start[offset] {
            return false
        }
        return true
    }

    /// Whether two ranges hold the same when case does not count.
    package func equalIgnoringCase(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count
        where HTTPSyntax.lowercase(self[left.lowerBound + offset])
            != HTTPSyntax.lowercase(self[right.lowerBound + offset])
        {
            return false
        }
        return true
    }

    /// Calls `body` for each element of a comma-separated list, without the white space around it; also for empty ones.
    package func forEachListElement(_ range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        var index = start
        while true {
            if index == range.upperBound || self[index] == UInt8(ascii: ",") {
                body(trimmed(start..<index))
                start = index + 1
            }
            guard index < range.upperBound else { return }
            index += 1
        }
    }

    /// Without spaces and tabs at either end.
    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, self[start] == 32 || self[start] == 9 { start += 1 }
        while end > start, self[end - 1] == 32 || self[end - 1] == 9 { end -= 1 }
        return start..<end
    }

    /// Where the token (RFC 9110, section 5.6.2) that begins at `start` ends; `start` if there is none.
    package func endOfToken(_ start: Int) -> Int {
        var index = start
        while index < count, HTTPSyntax.isTokenByte(self[index]) { index += 1 }
        return index
    }

    /// Where the first byte stands that no field value may contain, e.g. the CR of a line end.
    package func endOfFieldValue(_ start: Int) -> Int {
        var index = start
        while index < count, HTTPSyntax.isFieldValueByte(self[index]) { index += 1 }
        return index
    }

    /// Where the first byte from `start` on stands that no path or query may contain, or a percent sign.
    package func endOfPlainTarget(_ start: Int) -> Int {
        var index = start
        while index < count, HTTPSyntax.isTargetByte(self[index]), self[index] != UInt8(ascii: "%") { index += 1 }
        return index
    }

    /// Where the first CR or LF from `start` on stands, `end` if there is none before it.
    package func endOfLine(_ start: Int, before end: Int) -> Int {
        var index = start
        while index < end, self[index] > 13 || (self[index] != 13 && self[index] != 10) { index += 1 }
        return index
    }
}
