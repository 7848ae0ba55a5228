import Concurrency
import Glibc

/// A TCP server on 127.0.0.1 that does on each connection exactly what a test says, byte by byte.
///
/// Each connection runs on a thread of its own with blocking calls, so that the behaviour under test is the client's only.
final class RawServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let state = Locked(State())

    private struct State {
        var accepted = 0
        var requests: [String] = []
        var open: Set<Int32> = []
        var isStopped = false
    }

    init(_ serve: @escaping @Sendable (RawConnection) -> Void) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(unsafe bind(listener, address, length) == 0)
                precondition(unsafe getsockname(listener, address, &length) == 0)
            }
        }
        precondition(listen(listener, 128) == 0)
        self.listener = listener
        self.port = UInt16(bigEndian: address.sin_port)
        Self.spawn { [self] in acceptAll(serve) }
    }

    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// Connections accepted so far.
    var accepted: Int { state.withLock { $0.accepted } }

    /// The heads of requests read so far.
    var requests: [String] { state.withLock { $0.requests } }

    func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            shutdown(listener, Int32(SHUT_RDWR))
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    private func acceptAll(_ serve: @escaping @Sendable (RawConnection) -> Void) {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            let number = state.withLock { state in
                state.accepted += 1
                state.open.insert(descriptor)
                return state.accepted
            }
            Self.spawn { [self] in
                let connection = RawConnection(descriptor: descriptor, number: number) { head in
                    self.state.withLock { $0.requests.append(head) }
                }
                serve(connection)
                state.withLock { state in
                    state.open.remove(descriptor)
                    close(descriptor)
                }
            }
        }
        close(listener)
    }

    private static func spawn(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let box = unsafe Unmanaged.passRetained(Box(body)).toOpaque()
        unsafe pthread_create(
            &thread,
            nil,
            { context in
                if let context = unsafe context { unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            },
            box
        )
        pthread_detach(thread)
    }
}

/// One accepted connection.
final class RawConnection {
    let number: Int
    private let descriptor: Int32
    private let onHead: (String) -> Void
    private var buffer: [UInt8] = []

    init(descriptor: Int32, number: Int, onHead: @escaping (String) -> Void) {
        self.descriptor = descriptor
        self.number = number
        self.onHead = onHead
    }

    struct Request {
        var head: String
        var body: [UInt8]
    }

    /// Reads one request with its `Content-Length` body; nil when the client has closed.
    func read() -> Request? {
        var end = headEnd
        while end == nil {
            guard fill() else { return nil }
            end = headEnd
        }
        guard let end else { return nil }
        let head = String(decoding: buffer[..<end], as: UTF8.self)
        onHead(head)
        buffer.removeFirst(end + 4)
        var length = 0
        for line in head.lowercased().split(separator: "\r\n") where line.hasPrefix("content-length:") {
            length = Int(line.dropFirst(15).filter(\.isNumber)) ?? 0
        }
        while buffer.count < length { guard fill() else { return nil } }
        let body = Array(buffer[..<length])
        buffer.removeFirst(length)
        return Request(head: head, body: body)
    }

    func write(_ text: String) { write([UInt8](text.utf8)) }

    func write(_ bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe send(
                    descriptor,
                    UnsafeRawBufferPointer(rebasing: $0[offset...]).baseAddress,
                    bytes.count - offset,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { return }
            offset += count
        }
    }

    /// Answers with a body of known length and keeps the connection.
    func answer(_ status: Int = 200, _ body: String = "", fields: String = "") {
        write("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
    }

    /// Makes the following close a reset instead of an orderly end.
    func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_LINGER,
            &option,
            socklen_t(MemoryLayout<linger>.size)
        )
    }

    /// Blocks until the client closes or sends something.
    func waitForClient() { _ = fill() }

    private var headEnd: Int? {
        let mark: [UInt8] = [13, 10, 13, 10]
        guard buffer.count >= 4 else { return nil }
        return (0...(buffer.count - 4)).first { buffer[$0..<($0 + 4)].elementsEqual(mark) }
    }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }
}
