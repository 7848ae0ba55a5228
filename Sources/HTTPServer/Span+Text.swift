internal import HTTP

/// How the parser reads its bytes without copying them.
extension Span<UInt8> {
    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    func text(_ range: Range<Int>) -> String {
        unsafe extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the bytes are exactly these.
    func holds(_ text: StaticString, _ range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count where unsafe self[range.lowerBound + offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }

    /// Whether the bytes are these when case does not count; `text` is lower case.
    func matches(_ text: StaticString, _ range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count
        where unsafe HTTPSyntax.lowercase(self[range.lowerBound + offset]) != text.utf8Start[offset] {
            return false
        }
        return true
    }

    /// Whether two ranges hold the same when case does not count.
    func equalIgnoringCase(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
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
    func forEachListElement(_ range: Range<Int>, _ body: (Range<Int>) -> Void) {
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
}
