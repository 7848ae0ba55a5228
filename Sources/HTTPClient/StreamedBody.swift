internal import Glibc

/// A file, or a `multipart/form-data` body (RFC 7578), that is read piece by piece, files included, so that a 50 MB
/// upload needs no 50 MB of memory.
///
/// Loop thread only. File reads come from the page cache (the files were written just before) and are at most one
/// libcurl buffer long.
final class StreamedBody {
    /// `multipart/form-data; boundary=…`; nil for a file, whose type the request says.
    let contentType: String?
    /// Bytes in all.
    let count: Int64
    private var segments: [Segment]
    private var current = 0

    private enum Segment {
        case bytes([UInt8], sent: Int)
        case file(descriptor: Int32, left: Int64)
    }

    /// Opens a file that is the whole body.
    ///
    /// - Throws: `.fileFailed` if it cannot be opened or is no regular file.
    init(file path: String) throws(HTTPClientError) {
        let (descriptor, size) = try Self.open(path)
        segments = [.file(descriptor: descriptor, left: size)]
        count = size
        contentType = nil
    }

    /// Opens the files.
    ///
    /// - Parameter boundary: Text that occurs in no part; 1 to 70 letters and digits.
    /// - Throws: `.fileFailed` if a file cannot be opened.
    init(_ parts: [MultipartPart], boundary: String) throws(HTTPClientError) {
        contentType = "multipart/form-data; boundary=\(boundary)"
        var segments: [Segment] = []
        var count: Int64 = 0
        func add(_ bytes: [UInt8]) {
            segments.append(.bytes(bytes, sent: 0))
            count += Int64(bytes.count)
        }
        for part in parts {
            add([UInt8](Self.header(of: part, boundary: boundary).utf8))
            switch part.content {
            case .bytes(let bytes):
                add(bytes)
            case .file(let path):
                do {
                    let (descriptor, size) = try Self.open(path)
                    segments.append(.file(descriptor: descriptor, left: size))
                    count += size
                } catch {
                    Self.close(segments)
                    throw error
                }
            }
            add([13, 10])
        }
        add([UInt8]("--\(boundary)--\r\n".utf8))
        self.segments = segments
        self.count = count
    }

    deinit {
        Self.close(segments)
    }

    /// Fills the buffer with what comes next.
    ///
    /// - Returns: The bytes written; 0 at the end; nil if a file could not be read or has become shorter.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        while current < segments.count {
            switch segments[current] {
            case .bytes(let bytes, let sent):
                let count = min(bytes.count - sent, buffer.count)
                if count > 0 {
                    unsafe bytes.withUnsafeBytes { source in
                        unsafe buffer.copyMemory(from: .init(rebasing: source[sent..<(sent + count)]))
                    }
                    segments[current] = .bytes(bytes, sent: sent + count)
                    return count
                }
            case .file(let descriptor, let left) where left > 0:
                let count = unsafe Glibc.read(descriptor, buffer.baseAddress, min(buffer.count, Int(left)))
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return nil }
                segments[current] = .file(descriptor: descriptor, left: left - Int64(count))
                return count
            case .file:
                break
            }
            current += 1
        }
        return 0
    }

    private static func header(of part: MultipartPart, boundary: String) -> String {
        var header = "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(quoted(part.name))\""
        if let filename = part.filename { header += "; filename=\"\(quoted(filename))\"" }
        if let contentType = part.contentType { header += "\r\nContent-Type: \(withoutBreaks(contentType))" }
        return header + "\r\n\r\n"
    }

    /// The escapes that the HTML standard's multipart encoding prescribes; browsers and servers agree on them.
    private static func quoted(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "%22"
            case "\r": result += "%0D"
            case "\n": result += "%0A"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func withoutBreaks(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\r" && $0 != "\n" }))
    }

    private static func open(_ path: String) throws(HTTPClientError) -> (descriptor: Int32, size: Int64) {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw HTTPClientError(.fileFailed, mayHaveBeenSent: false, "cannot open a file to upload, errno \(errno)")
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            Glibc.close(descriptor)
            throw HTTPClientError(.fileFailed, mayHaveBeenSent: false, "a file to upload is no regular file")
        }
        return (descriptor, Int64(status.st_size))
    }

    private static func close(_ segments: [Segment]) {
        for case .file(let descriptor, _) in segments { Glibc.close(descriptor) }
    }
}
