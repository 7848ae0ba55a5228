internal import CLinux
internal import COpenSSL
internal import Concurrency
internal import EventLoop
internal import Glibc
internal import Telemetry
internal import Time

/// TLS of one listener: the certificates in use, and the buffers that all its connections take turns with. Loop thread
/// only.
@safe final class TLSEngine: @unchecked Sendable {
    // @unchecked: touched on the loop's thread only, but for reading files.

    /// Ciphertext taken from a socket at a time. With what OpenSSL may hold of a record before, its plaintext fits into
    /// the server's read buffer.
    static let receiveBytes = 49_152

    let configuration: TLSConfiguration
    let handshakes: HandshakeQueue
    let metrics: TLSMetrics
    /// Where a receive puts ciphertext before OpenSSL takes it.
    let cipherBuffer: UnsafeMutableRawBufferPointer
    let wire: UnsafeMutablePointer<copenssl_wire>
    private let method: OpaquePointer
    private let loop: EventLoop
    private let log: Log
    private(set) var context: TLSContext
    private var stamps: [FileStamp]
    private var timer: Timer?
    private var isStopped = false

    /// Reads the certificates. Blocks; at a start only.
    init(_ configuration: TLSConfiguration, loop: EventLoop, metrics: TLSMetrics, log: Log) throws(TLSError) {
        self.configuration = configuration
        self.loop = loop
        self.metrics = metrics
        handshakes = HandshakeQueue(perTurn: configuration.handshakesPerTurn, loop: loop)
        self.log = log
        stamps = configuration.files.map(FileStamp.init)
        context = try TLSContext(configuration)
        guard let method = unsafe copenssl_wire_method() else { throw TLSError(description: "out of memory") }
        unsafe self.method = method
        unsafe wire = .allocate(capacity: 1)
        unsafe wire.initialize(to: copenssl_wire())
        unsafe cipherBuffer = .allocate(byteCount: Self.receiveBytes, alignment: 16)
        metrics.certificate(secondsLeft: context.secondsLeft)
    }

    deinit {
        unsafe free(wire.pointee.output)
        unsafe wire.deallocate()
        unsafe cipherBuffer.deallocate()
        unsafe BIO_meth_free(method)
    }

    /// TLS over a connection that has just been accepted; nil without memory.
    func accept(_ descriptor: Int32) -> TLSStream? {
        guard let connection = unsafe copenssl_accept(context.first, method, wire) else { return nil }
        return unsafe TLSStream(connection, descriptor: descriptor, context: context, engine: self)
    }

    // MARK: - Certificates that change

    /// Looks at the files from time to time until `stop`.
    func watchFiles() {
        timer = loop.schedule(after: configuration.reloadInterval) { [self] in look() }
    }

    func stop() {
        isStopped = true
        timer?.cancel()
        timer = nil
    }

    private func look() {
        // A task, as the loop must not wait for a disk; it ends with the look at the files.
        Task(executorPreference: loop) { [self] in
            await reloadIfChanged()
            if !isStopped { watchFiles() }
        }
    }

    private func reloadIfChanged() async {
        do {
            let known = stamps
            let read = try await BlockingExecutor.shared.run { [configuration] in
                let stamps = configuration.files.map(FileStamp.init)
                guard stamps != known else { return Optional<Reading>.none }
                return Reading(stamps: stamps, context: Result { try TLSContext(configuration) })
            }
            guard let read else { return metrics.certificate(secondsLeft: context.secondsLeft) }
            stamps = read.stamps  // Files that cannot be used are not read again before they change.
            context = try read.context.get()
            metrics.reloaded("ok")
            metrics.certificate(secondsLeft: context.secondsLeft)
            log.info("certificates reloaded")
        } catch {
            metrics.reloaded("failed")
            log.error("certificates cannot be reloaded; the old ones stay", [.error: .describing(error)])
        }
    }

    private struct Reading: Sendable {
        let stamps: [FileStamp]
        let context: Result<TLSContext, any Error>
    }
}

/// What tells whether a file has changed: a rename over it, or a write into it.
private struct FileStamp: Sendable, Equatable {
    private var inode: UInt64 = 0
    private var bytes: Int64 = 0
    private var changed: [Int] = []

    /// All zero for a file that is not there.
    init(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return }
        inode = UInt64(status.st_ino)
        bytes = Int64(status.st_size)
        changed = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }
}
