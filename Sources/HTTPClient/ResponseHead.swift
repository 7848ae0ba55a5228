internal import HTTP

/// Collects the status line and header fields as libcurl hands them over, line by line.
///
/// An interim answer (1xx) is forgotten when the next status line comes; trailers are left out.
struct ResponseHead {
    private(set) var status = 0
    private(set) var fields: HTTPFields = [:]
    private var isComplete = false
    private var byteCount = 0
    private let maximumBytes: Int

    /// - Parameter maximumBytes: Bytes of all lines together, interim answers included.
    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Takes one line with its line break.
    ///
    /// - Returns: False if the header is too long; the transfer must then end.
    mutating func take(_ line: UnsafeRawBufferPointer) -> Bool {
        byteCount += line.count
        guard byteCount <= maximumBytes else { return false }
        var bytes = unsafe line[...]
        while let last = unsafe bytes.last, last == 13 || last == 10 { unsafe bytes.removeLast() }
        if unsafe bytes.starts(with: "HTTP/".utf8) {
            fields = [:]
            isComplete = false
            status = unsafe Self.status(bytes)
        } else if unsafe bytes.isEmpty {
            isComplete = status >= 200
        } else if !isComplete, let colon = unsafe bytes.firstIndex(of: UInt8(ascii: ":")) {
            let name = unsafe String(decoding: bytes[..<colon], as: UTF8.self)
            fields.add(name, unsafe Self.trimmed(bytes[(colon + 1)...]))
        }
        return true
    }

    /// The number after the first space of `HTTP/1.1 200 OK` or `HTTP/2 200`.
    private static func status(_ line: Slice<UnsafeRawBufferPointer>) -> Int {
        guard let space = unsafe line.firstIndex(of: UInt8(ascii: " ")) else { return 0 }
        return unsafe Int(String(decoding: line[(space + 1)...].prefix(3), as: UTF8.self)) ?? 0
    }

    private static func trimmed(_ value: Slice<UnsafeRawBufferPointer>) -> String {
        var value = unsafe value
        while let first = unsafe value.first, first == 32 || first == 9 { unsafe value.removeFirst() }
        while let last = unsafe value.last, last == 32 || last == 9 { unsafe value.removeLast() }
        return unsafe String(decoding: value, as: UTF8.self)
    }
}
