internal import EventLoop
internal import Glibc
internal import LocalSystem

/// A client's socket for loads that no tool makes: connections that sit, or that send a byte a second. Blocking; closed
/// with the object.
final class RawConnection: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        // Not inherited: a load generator started meanwhile would run out of numbers for its own.
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = UInt16(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let error = SystemError.last("connect")
            close(descriptor)
            throw OperatorError("Connection refused: \(error)", "Raise the limit of open files (ulimit -n).")
        }
    }

    deinit {
        close(descriptor)
    }

    /// False once the peer has gone.
    func send(_ bytes: [UInt8]) -> Bool {
        unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// What the peer has sent; empty if it has closed or said nothing for ten seconds.
    func receive() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer.prefix(count)) : []
    }
}
