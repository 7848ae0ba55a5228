/// What a `Range` header asks of a file.
package enum ByteRange: Sendable, Equatable {
    case whole
    case part(offset: Int64, length: Int64)
    /// The range lies outside the file: 416.
    case unsatisfiable

    /// Reads a header. Several ranges, other units and malformed text count as no range (RFC 9110 section 14.2 lets a
    /// server ignore them).
    package init(_ header: String?, size: Int64) {
        guard let header, header.hasPrefix("bytes="), !header.contains(",") else {
            self = .whole
            return
        }
        let ends = header.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }) else {
            self = .whole
            return
        }
        switch (Int64(ends[0]), Int64(ends[1])) {
        case (let first?, let last?):
            self = last < first ? .whole : Self.part(from: first, to: last, size: size)
        case (let first?, nil): self = Self.part(from: first, to: size - 1, size: size)
        case (nil, let count?):
            self = count == 0 ? .unsatisfiable : Self.part(from: max(0, size - count), to: size - 1, size: size)
        case (nil, nil): self = .whole
        }
    }

    private static func part(from first: Int64, to last: Int64, size: Int64) -> ByteRange {
        guard first < size else { return .unsatisfiable }
        return .part(offset: first, length: min(last, size - 1) - first + 1)
    }
}
