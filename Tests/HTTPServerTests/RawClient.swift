import Concurrency
import EventLoop
import Glibc
import HTTP
import HTTPServer
import Telemetry
import Time

/// A socket that says exactly what a test wants to say. Every read gives up after a minute, which only a lost answer takes.
final class RawClient: Sendable {
    private static let threads = BlockingExecutor(threads: 16, name: "raw-client")
    private let descriptor: Int32
    private let unread = Locked<[UInt8]>([])

    /// A complete answer.
    struct Answer: Sendable {
        let status: Int
        let head: String
        let body: String

        func has(_ line: String) -> Bool { head.lowercased().contains("\r\n\(line.lowercased())\r\n") }
    }

    struct Silence: Error {}

    init(port: Int, receiveBuffer: Int32? = nil) async throws {
        descriptor = try await Self.threads.run {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var patience = timeval(tv_sec: 60, tv_usec: 0)
            unsafe setsockopt(
                descriptor,
                SOL_SOCKET,
                SO_RCVTIMEO,
                &patience,
                socklen_t(MemoryLayout<timeval>.size)
            )
            if var size = receiveBuffer { unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
            var address = sockaddr_in()
            address.sin_family = UInt16(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let result = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 else { throw SystemError.last("connect") }
            return descriptor
        }
    }

    deinit {
        close(descriptor)
    }

    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await Self.threads.run { [descriptor] in
            var sent = 0
            while sent < bytes.count {
                let count = unsafe bytes[sent...].withUnsafeBytes { rest in
                    unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw SystemError.last("send") }
                sent += count
            }
        }
    }

    /// Closes our sending half.
    func finish() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes with a reset, as a crashed peer does.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    /// The next bytes; empty at the end of the stream.
    func receive() async throws -> [UInt8] {
        try await Self.threads.run { [descriptor] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 {
                if errno == ECONNRESET { return [] }
                throw Silence()
            }
            return Array(buffer.prefix(count))
        }
    }

    /// Everything until the server closes.
    func receiveAll() async throws -> String {
        var all = unread.withLock { $0 }
        while true {
            let piece = try await receive()
            if piece.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += piece
        }
    }

    /// The next answer; its body by length, or decoded chunks.
    func answer(toHead isHead: Bool = false) async throws -> Answer {
        let head = try await take { Self.end(of: Array("\r\n\r\n".utf8), in: $0) }
        let lines = head.split(separator: "\r\n")
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        let fields = Dictionary(
            lines.dropFirst().map { line in
                let sides = line.split(separator: ":", maxSplits: 1)
                return (sides[0].lowercased(), sides.count > 1 ? sides[1].drop { $0 == " " } : "")
            },
            uniquingKeysWith: { first, _ in first }
        )
        if isHead || status < 200 || status == 204 { return Answer(status: status, head: head, body: "") }
        if let length = fields["content-length"].flatMap({ Int($0) }) {
            return Answer(status: status, head: head, body: try await take { $0.count >= length ? length : nil })
        }
        var body = ""
        while true {
            let size = try await take { Self.end(of: [13, 10], in: $0) }
            let count = (Int(size.dropLast(2), radix: 16) ?? Int(size.split(separator: "\r\n")[0], radix: 16)) ?? 0
            let piece = try await take { $0.count >= count + 2 ? count + 2 : nil }
            if count == 0 { return Answer(status: status, head: head, body: body) }
            body += piece.utf8.dropLast(2).reduce(into: "") { $0.unicodeScalars.append(Unicode.Scalar($1)) }
        }
    }

    /// So many bytes; nil if the stream ends before.
    func takeBytes(_ count: Int) async throws -> [UInt8]? {
        while unread.withLock({ $0.count }) < count {
            let piece = try await receive()
            if piece.isEmpty { return nil }
            unread.withLock { $0 += piece }
        }
        return unread.withLock { unread in
            defer { unread.removeFirst(count) }
            return Array(unread.prefix(count))
        }
    }

    private func take(_ length: ([UInt8]) -> Int?) async throws -> String {
        while true {
            let known = unread.withLock { $0 }
            if let length = length(known) {
                unread.withLock { $0.removeFirst(length) }
                return String(decoding: known.prefix(length), as: UTF8.self)
            }
            let piece = try await receive()
            if piece.isEmpty { throw Silence() }
            unread.withLock { $0 += piece }
        }
    }

    private static func end(of mark: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= mark.count else { return nil }
        return (0...(bytes.count - mark.count)).first { Array(bytes[$0..<($0 + mark.count)]) == mark }
            .map { $0 + mark.count }
    }
}

/// A server for one test, on a loop of its own.
struct RunningServer: Sendable {
    let loop: EventLoop
    let server: HTTPServer
    let metrics: Metrics
    let port: Int

    static func start(
        _ change: (inout HTTPServerConfiguration) -> Void = { _ in },
        _ routes: (inout Router) -> Void
    ) async throws -> RunningServer {
        let loop = EventLoop(name: "server")
        let metrics = Metrics(service: "test")
        var configuration = HTTPServerConfiguration()
        change(&configuration)
        var router = Router()
        routes(&router)
        let server = HTTPServer(
            configuration,
            router: router,
            loop: loop,
            metrics: metrics,
            log: Log(service: "test", sink: Nowhere())
        )
        return RunningServer(loop: loop, server: server, metrics: metrics, port: try await server.start())
    }

    func client() async throws -> RawClient { try await RawClient(port: port) }

    func stop() async {
        await server.stop(within: .zero)
        loop.shutdown()
    }

    /// The value of one sample of the rendered metrics; 0 if it is not there.
    func metric(_ name: String, _ labels: String) -> Double {
        let text = String(decoding: metrics.render(), as: UTF8.self)
        let line = text.split(separator: "\n").first { line in
            line.hasPrefix(name + "{") && labels.split(separator: ",").allSatisfy { line.contains($0) }
        }
        return line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) } ?? 0
    }
}

private struct Nowhere: LogSink {
    func write(_ line: [UInt8]) {}
    func flush() {}
}

func writeFile(_ path: String, _ bytes: [UInt8]) throws {
    let file = unsafe fopen(path, "w")
    guard unsafe file != nil else { throw SystemError.last("fopen") }
    unsafe fwrite(bytes, 1, bytes.count, file)
    unsafe fclose(file)
}

func removeFile(_ path: String) {
    unsafe unlink(path)
}
