internal import CLinux
internal import EventLoop
internal import Glibc
internal import Telemetry

/// A listening socket. Loop thread only.
final class Listener {
    /// Connections accepted before others get their turn.
    private static let acceptsPerTurn = 64
    /// How long to leave new connections alone when the process has no descriptors or memory left for them: they wait in
    /// the kernel's backlog, and a busy loop would only take time from those that are open.
    private static let pause = Duration.milliseconds(100)

    let port: Int
    private let descriptor: Int32
    private var watch: Watch?
    private var pauseTimer: Timer?
    private var isClosed = false

    init(host: String, port: Int, backlog: Int) throws(SystemError) {
        var address = try ListenAddress.parse(host, port: port)
        let descriptor = clinux_tcp_socket(Int32(address.ss_family))
        guard descriptor >= 0 else { throw SystemError.last("socket") }
        // A restart must not wait for old connections to fade from the kernel's tables.
        _ = clinux_set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if Int32(address.ss_family) == AF_INET6 { _ = clinux_set_flag(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        guard unsafe clinux_bind(descriptor, &address) == 0 else {
            throw Self.closing(descriptor, SystemError.last("bind"))
        }
        guard listen(descriptor, Int32(backlog)) == 0 else {
            throw Self.closing(descriptor, SystemError.last("listen"))
        }
        guard unsafe clinux_local_address(descriptor, &address) == 0 else {
            throw Self.closing(descriptor, SystemError.last("getsockname"))
        }
        self.descriptor = descriptor
        self.port = PeerAddress.port(of: address)
    }

    private static func closing(_ descriptor: Int32, _ error: SystemError) -> SystemError {
        _ = Glibc.close(descriptor)
        return error
    }

    func start(
        on loop: EventLoop,
        log: Log,
        onTrouble: @escaping () -> Void,
        _ onConnection: @escaping (Int32, PeerAddress) -> Void
    ) throws(SystemError) {
        watch = try loop.watch(descriptor, .readable) { [unowned self] _ in
            for _ in 0..<Self.acceptsPerTurn where !isClosed {
                var address = sockaddr_storage()
                let accepted = unsafe clinux_accept(descriptor, &address)
                if accepted >= 0 {
                    _ = clinux_no_delay(accepted)
                    onConnection(accepted, PeerAddress(address))
                    continue
                }
                switch clinux_errno() {
                case EINTR, ECONNABORTED: continue
                case EAGAIN: return
                case let number:
                    onTrouble()
                    log.warning(
                        "connections cannot be accepted",
                        [.error: .describing(SystemError(operation: "accept", number: number))]
                    )
                    return rest(loop)
                }
            }
        }
    }

    private func rest(_ loop: EventLoop) {
        watch?.update([])
        pauseTimer = loop.schedule(after: Self.pause) { [weak self] in self?.watch?.update(.readable) }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        pauseTimer?.cancel()
        watch?.cancel()
        _ = Glibc.close(descriptor)
    }
}

/// Where to listen.
enum ListenAddress {
    /// - Throws: `EINVAL` for anything but an IP address, `localhost` and a port of 0...65535.
    static func parse(_ host: String, port: Int) throws(SystemError) -> sockaddr_storage {
        guard let port = UInt16(exactly: port) else { throw SystemError(operation: "port", number: EINVAL) }
        let host = host == "localhost" ? "127.0.0.1" : host
        var storage = sockaddr_storage()
        let isSet = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            var four = in_addr()
            if unsafe inet_pton(AF_INET, host, &four) == 1 {
                unsafe bytes.storeBytes(
                    of: sockaddr_in(
                        sin_family: UInt16(AF_INET),
                        sin_port: port.bigEndian,
                        sin_addr: four,
                        sin_zero: (0, 0, 0, 0, 0, 0, 0, 0)
                    ),
                    as: sockaddr_in.self
                )
                return true
            }
            var six = in6_addr()
            guard unsafe inet_pton(AF_INET6, host, &six) == 1 else { return false }
            unsafe bytes.storeBytes(
                of: sockaddr_in6(
                    sin6_family: UInt16(AF_INET6),
                    sin6_port: port.bigEndian,
                    sin6_flowinfo: 0,
                    sin6_addr: six,
                    sin6_scope_id: 0
                ),
                as: sockaddr_in6.self
            )
            return true
        }
        guard isSet else { throw SystemError(operation: "host", number: EINVAL) }
        return storage
    }
}

/// The address of a connection's other end.
struct PeerAddress {
    /// Without port; an IPv4 address that came in over IPv6 is written as IPv4.
    let text: String
    /// What counts as one address for limits: an IPv6 user owns a whole /64.
    let limitKey: String

    init(_ address: sockaddr_storage) {
        var address = address
        let family = Int32(address.ss_family)
        var characters = [CChar](repeating: 0, count: 64)
        let bytes = unsafe withUnsafeMutableBytes(of: &address) { raw -> [UInt8] in
            let start = family == AF_INET6 ? 8 : 4
            let part = unsafe UnsafeMutableRawBufferPointer(
                rebasing: raw[start..<(start + (family == AF_INET6 ? 16 : 4))]
            )
            unsafe inet_ntop(family, part.baseAddress, &characters, 64)
            return unsafe Array(part)
        }
        let full = String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard family == AF_INET6 else {
            (text, limitKey) = (full, full)
            return
        }
        if bytes.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]) {
            let four = bytes.suffix(4).map(String.init).joined(separator: ".")
            (text, limitKey) = (four, four)
        } else {
            text = full
            limitKey = bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":")
        }
    }

    static func port(of address: sockaddr_storage) -> Int {
        var address = address
        return unsafe withUnsafeBytes(of: &address) { raw in
            Int(unsafe UInt16(bigEndian: raw.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        }
    }
}
