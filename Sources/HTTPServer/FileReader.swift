internal import CLinux
internal import Concurrency
internal import Glibc
internal import HTTP

/// A part of a file on its way into an answer. Opened and read on blocking threads, as a disk may take its time and the
/// loop may not.
final class FileReader: Sendable {
    /// Bytes read at a time; two pieces at most wait for the peer.
    private static let pieceBytes = 131_072

    private let descriptor: Int32
    private let offset: Int64
    private let length: Int64

    private init(descriptor: Int32, offset: Int64, length: Int64) {
        self.descriptor = descriptor
        self.offset = offset
        self.length = length
    }

    deinit {
        close(descriptor)
    }

    /// - Throws: `FileUnreadable` if there is no regular file of that name with so many bytes.
    static func open(_ path: String, offset: Int64, length: Int64) async throws -> FileReader {
        try await BlockingExecutor.shared.run {
            let descriptor = unsafe clinux_open_for_reading(path)
            guard descriptor >= 0 else { throw FileUnreadable(number: clinux_errno()) }
            let reader = FileReader(descriptor: descriptor, offset: offset, length: length)
            var status = stat()
            guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, offset >= 0, length >= 0,
                Int64(status.st_size) - offset >= length
            else { throw FileUnreadable(number: EINVAL) }
            return reader
        }
    }

    func copy(to writer: BodyWriter) async throws {
        var done: Int64 = 0
        while done < length {
            let (position, count) = (offset + done, Int(min(Int64(Self.pieceBytes), length - done)))
            let piece = try await BlockingExecutor.shared.run { [self] in try read(count, at: position) }
            done += Int64(piece.count)
            try await writer.write(piece)
        }
    }

    private func read(_ count: Int, at position: Int64) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            var result = 0
            repeat {
                result = unsafe pread(descriptor, buffer.baseAddress, count, Int(position))
            } while result < 0 && clinux_errno() == EINTR
            // Nothing left means that somebody cut the file while it was sent.
            guard result > 0 else { throw FileUnreadable(number: result < 0 ? clinux_errno() : EINVAL) }
            filled = result
        }
    }
}

/// A file of an answer cannot be read.
struct FileUnreadable: Error {
    /// The system's error number.
    let number: Int32
}
