internal import Concurrency
internal import Dispatch
internal import Glibc

/// Writes log lines to a file descriptor from a thread of its own, so that a full pipe never stops an event loop.
///
/// At most `maximumBufferedBytes` wait; lines beyond that are dropped and counted, since a service that can't log must
/// still serve.
package final class LogWriter: LogSink {
    /// The writer that a process shares: standard error, 1 MiB.
    package static let standardError = LogWriter(descriptor: 2, maximumBufferedBytes: 1 << 20)

    private struct State {
        var waiting: [UInt8] = []
        var isDraining = false
        var dropped: UInt64 = 0
    }

    private let descriptor: Int32
    private let maximumBufferedBytes: Int
    private let state = Locked(State())
    private let thread = DispatchQueue(label: "atelier.log")

    /// - Parameter descriptor: Stays open and belongs to the caller.
    package init(descriptor: Int32, maximumBufferedBytes: Int) {
        self.descriptor = descriptor
        self.maximumBufferedBytes = maximumBufferedBytes
    }

    /// Lines that were dropped because the reader of the log was too slow, since the start.
    package var droppedLines: UInt64 { state.withLock { $0.dropped } }

    /// Whether everything that was accepted has been written.
    package var isIdle: Bool { state.withLock { !$0.isDraining } }

    package func write(_ line: [UInt8]) {
        let mustWake = state.withLock { state -> Bool in
            guard state.waiting.count + line.count <= maximumBufferedBytes else {
                state.dropped += 1
                return false
            }
            state.waiting += line
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if mustWake { thread.async { self.drain() } }
    }

    /// Waits at most 200 ms: a reader that has stopped must not keep a process from ending.
    package func flush() {
        let done = DispatchSemaphore(value: 0)
        thread.async { done.signal() }
        _ = done.wait(timeout: .now() + .milliseconds(200))
    }

    private func drain() {
        while true {
            let bytes = state.withLock { state -> [UInt8] in
                let bytes = state.waiting
                state.waiting = []
                state.isDraining = !bytes.isEmpty
                return bytes
            }
            guard !bytes.isEmpty else { return }
            writeAll(bytes)
        }
    }

    private func writeAll(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody made the descriptor non-blocking (a shared terminal): wait until it takes more.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                unsafe poll(&entry, 1, 1_000)
            } else if errno != EINTR {
                // The reader is gone. There is nowhere to say so but the counter.
                state.withLock { $0.dropped += 1 }
                return
            }
        }
    }
}
