package import EventLoop
internal import Foundation
internal import Glibc

/// Questions to the operating system that Foundation does not answer.
package enum HostSystem {
    package static var isRoot: Bool { geteuid() == 0 }
    package static var processID: Int32 { getpid() }

    /// Whether a listener could open this port on the loopback address now.
    package static func isFree(port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // As the servers do: connections of an earlier run that still linger don't count.
        var yes: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        return unsafe withLoopback(port) { unsafe bind(descriptor, $0, $1) } == 0
    }

    /// Opens a blocking connection to a port of the loopback address, which child processes don't inherit.
    ///
    /// - Returns: The descriptor, which the caller closes.
    package static func connect(port: Int) throws(SystemError) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError.last("socket") }
        guard unsafe withLoopback(port, { unsafe Glibc.connect(descriptor, $0, $1) }) == 0 else {
            let error = SystemError.last("connect")
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func withLoopback(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(truncatingIfNeeded: port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe body(pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    package enum LockKind {
        /// One holder.
        case exclusive
        /// Many holders, and no exclusive one.
        case shared
    }

    /// Takes a lock that the system gives back when the process ends, however it ends; nil if another process has it.
    ///
    /// - Returns: The descriptor that holds the lock; keep it open.
    package static func lock(_ path: String, _ kind: LockKind = .exclusive) -> Int32? {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    /// Turns a shared lock into an exclusive one; false if there are other holders.
    package static func makeExclusive(_ descriptor: Int32) -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    package static func unlock(_ descriptor: Int32) { close(descriptor) }

    /// Whether a process exists; also one of another user.
    package static func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 || errno == EPERM }

    package static func signal(_ pid: Int32, _ number: Int32) { kill(pid, number) }

    /// The folder a process works in; nil if it is gone or not ours to ask.
    package static func workingDirectory(of pid: Int32) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")
    }

    /// Whether user `postgres` can reach a folder: everybody may search each of its parents that exist.
    package static func everybodyCanEnter(_ path: String) -> Bool {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/\(part)"
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: folder),
                let mode = attributes[.posixPermissions] as? NSNumber
            else { return false }
            if mode.intValue & 0o001 == 0 { return false }
        }
        return true
    }

    /// Bytes that this user may still write on the disk of a folder; nil if nobody knows.
    package static func freeBytes(at path: String) -> Int64? {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        return (attributes?[.systemFreeSize] as? NSNumber)?.int64Value
    }
}
