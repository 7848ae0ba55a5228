internal import CLinux
internal import Glibc

/// A refused call of the operating system.
package struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call, e.g. `epoll_ctl`.
    package let operation: String
    /// What the system answered, e.g. `EMFILE`.
    package let number: Int32

    package init(operation: String, number: Int32) {
        self.operation = operation
        self.number = number
    }

    /// The error of the call that has just failed on this thread.
    package static func last(_ operation: String) -> SystemError {
        SystemError(operation: operation, number: clinux_errno())
    }

    package var description: String {
        let text = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "unknown error"
        return "\(operation): \(text) (\(number))"
    }
}
