internal import CLinux
internal import Glibc

/// A joinable thread of the operating system.
package struct NativeThread: Sendable {
    private let handle: pthread_t

    /// Starts a thread that runs `body` and ends with it. Join or detach it: else the system keeps it when it has ended.
    ///
    /// - Parameter name: Shown by `top -H` and debuggers; cut to 15 bytes.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) -> NativeThread {
        let start = unsafe Unmanaged.passRetained(ThreadStart(name: name, body: body))  // Taken back in the thread.
        var handle = pthread_t()
        let result = unsafe pthread_create(
            &handle,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
                unsafe start.name.withCString { unsafe clinux_name_thread($0) }
                start.body()
                return nil
            },
            start.toOpaque()
        )
        precondition(result == 0, "pthread_create fails only when the process is out of threads or memory")
        return NativeThread(handle: handle)
    }

    /// Waits until the thread has ended. At most once, and not from the thread itself.
    package func join() {
        _ = pthread_join(handle, nil)
    }

    /// Gives up the right to join, so that the system frees the thread when it ends.
    package func detach() {
        _ = pthread_detach(handle)
    }
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}
