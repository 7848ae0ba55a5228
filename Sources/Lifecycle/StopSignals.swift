internal import Concurrency
internal import Dispatch
internal import Foundation
internal import Glibc
internal import Synchronization

/// The signals that ask a process to stop: SIGTERM, SIGINT and SIGHUP (the terminal went away).
package enum StopSignals {
    /// The writing end of the pipe that the handler feeds; -1 before `listen`.
    private static let writingEnd = Atomic<Int32>(-1)
    private static let sources = Locked<[any DispatchSourceRead]>([])

    /// Set to 1 by a supervisor that keeps the other end of the process's standard input open for as long as it lives:
    /// the end of the input then counts as SIGTERM, so that killing the supervisor leaves nobody behind. (Linux's
    /// parent-death signal follows the thread that forked, not the process.)
    package static let stopsWithInputVariable = "ATELIER_STOPS_WITH_INPUT"

    /// Calls `action` with every stop signal from now on, on a thread of its own, and ignores SIGPIPE. Call once.
    ///
    /// The handler only writes a byte to a pipe, the one thing that is safe inside it; children that are started with
    /// exec get the default handling back. See `stopsWithInputVariable` for the other cause.
    package static func listen(_ action: @escaping @Sendable (Int32) -> Void) {
        let queue = DispatchQueue(label: "atelier.signals")
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        let readingEnd = ends[0]
        writingEnd.store(ends[1], ordering: .sequentiallyConsistent)
        watch(readingEnd, queue) {
            var byte: UInt8 = 0
            while unsafe read(readingEnd, &byte, 1) == 1 { action(Int32(byte)) }
            return true
        }
        if ProcessInfo.processInfo.environment[stopsWithInputVariable] == "1" {
            watch(0, queue) {
                var byte: UInt8 = 0
                if unsafe read(0, &byte, 1) > 0 { return true }
                action(SIGTERM)
                return false
            }
        }
        installHandlers()
    }

    /// - Parameter onReadable: Returns whether to go on watching.
    private static func watch(_ descriptor: Int32, _ queue: DispatchQueue, _ onReadable: @escaping @Sendable () -> Bool)
    {
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler { if !onReadable() { source.cancel() } }
        source.resume()
        sources.withLock { $0.append(source) }
    }

    private static func installHandlers() {
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGTERM, SIGINT, SIGHUP] {
            var handling = sigaction()
            unsafe handling.__sigaction_handler.sa_handler = { number in StopSignals.forward(number) }
            handling.sa_flags = SA_RESTART
            unsafe sigaction(number, &handling, nil)
        }
    }

    private static func forward(_ number: Int32) {
        let saved = errno
        var byte = UInt8(truncatingIfNeeded: number)
        unsafe _ = write(writingEnd.load(ordering: .relaxed), &byte, 1)
        errno = saved
    }
}

/// What a process does about stop signals: the first one stops it in order, the second one ends it at once.
package struct StopDecision: Sendable {
    /// What to do now.
    package enum Action: Sendable, Equatable {
        case stop
        case exitAtOnce
    }

    /// Whether a signal has arrived.
    package private(set) var isStopping = false

    package init() {}

    /// A signal arrived.
    package mutating func signalled() -> Action {
        defer { isStopping = true }
        return isStopping ? .exitAtOnce : .stop
    }
}
