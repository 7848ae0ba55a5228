internal import Cryptography
internal import Glibc

/// Where the bytes of an answer's body go. Loop thread only.
final class ResponseSink {
    private(set) var body: [UInt8] = []
    private(set) var fileBytes: Int64 = 0
    private(set) var sha256: String?
    private(set) var refusal: HTTPClientError.Code?
    private let destination: Destination
    private var descriptor: Int32 = -1
    private var hash: SHA256?

    /// Bytes of an error answer that a download keeps.
    static let maximumErrorBytes = 64 << 10

    enum Destination {
        case memory(maximumBytes: Int)
        /// A file that does not exist yet. Bodies of answers that are not 2xx are kept in memory instead.
        case file(path: String, maximumBytes: Int64)
    }

    init(_ destination: Destination) {
        self.destination = destination
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Takes a piece of the body.
    ///
    /// - Returns: False if the transfer must end; `refusal` then says why.
    func take(_ bytes: UnsafeRawBufferPointer, status: Int) -> Bool {
        switch destination {
        case .memory(let maximum):
            guard bytes.count <= maximum - body.count else { return refuse(.responseTooLarge) }
            unsafe body.append(contentsOf: bytes)
            return true
        case .file(let path, let maximum):
            guard (200..<300).contains(status) else {
                unsafe body.append(contentsOf: bytes.prefix(Self.maximumErrorBytes - body.count))
                return true
            }
            guard Int64(bytes.count) <= maximum - fileBytes else { return refuse(.responseTooLarge) }
            return unsafe openFile(path) && write(bytes) ? true : refuse(.fileFailed)
        }
    }

    /// Ends the body: closes the file, which an empty 2xx answer leaves empty.
    ///
    /// - Returns: False if the file could not be written; `refusal` then says why.
    func finish(status: Int) -> Bool {
        guard case .file(let path, _) = destination, (200..<300).contains(status) else { return true }
        guard openFile(path) else { return refuse(.fileFailed) }
        let closed = close(descriptor) == 0
        descriptor = -1
        if let hash = hash.take() { sha256 = Hex.encode(hash.finish()) }
        return closed ? true : refuse(.fileFailed)
    }

    private func refuse(_ code: HTTPClientError.Code) -> Bool {
        refusal = code
        return false
    }

    private func openFile(_ path: String) -> Bool {
        if descriptor >= 0 { return true }
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        hash = SHA256()
        return descriptor >= 0
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            offset += count
        }
        unsafe hash?.update(bytes)
        fileBytes += Int64(bytes.count)
        return true
    }
}
