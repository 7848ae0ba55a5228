internal import EventLoop
internal import Glibc
internal import LocalSystem

/// A client's socket for loads that no tool makes: connections that sit, or that send a byte a second. Blocking; closed
/// with the object.
final class RawConnection: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        do {
            descriptor = try HostSystem.connect(port: port)
        } catch {
            throw OperatorError("Connection refused: \(error)", "Raise the limit of open files (ulimit -n).")
        }
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
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
