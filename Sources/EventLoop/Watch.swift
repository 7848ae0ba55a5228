internal import CLinux

/// What a watch waits for.
package struct Interest: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Bytes, a connection or the end of the stream can be read.
    package static let readable = Interest(rawValue: 1)
    /// Bytes can be written, or a connection attempt has ended.
    package static let writable = Interest(rawValue: 2)

    var flags: UInt32 {
        var flags: UInt32 = 0
        if contains(.readable) { flags |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue }
        if contains(.writable) { flags |= EPOLLOUT.rawValue }
        return flags
    }
}

/// Why a watch's callback is called.
package struct Readiness: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Reading will not block; it may find the end of the stream.
    package static let readable = Readiness(rawValue: 1)
    /// Writing will not block; it may find an error.
    package static let writable = Readiness(rawValue: 2)
    /// The descriptor is in an error state. What the watch is interested in is reported with it, so that the next read
    /// or write finds the error.
    package static let failed = Readiness(rawValue: 4)
    /// The peer has closed, at least its writing half.
    package static let hungUp = Readiness(rawValue: 8)

    init(flags: UInt32, interest: Interest) {
        var bits: UInt8 = 0  // Plain bits: set algebra on literals is not always specialised, and this runs per event.
        if flags & EPOLLIN.rawValue != 0 { bits |= Readiness.readable.rawValue }
        if flags & EPOLLOUT.rawValue != 0 { bits |= Readiness.writable.rawValue }
        if flags & EPOLLERR.rawValue != 0 { bits |= Readiness.failed.rawValue }
        if flags & (EPOLLHUP.rawValue | EPOLLRDHUP.rawValue) != 0 { bits |= Readiness.hungUp.rawValue }
        if flags & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
            bits |= interest.rawValue  // The same bits as readable and writable.
        } else if flags & EPOLLRDHUP.rawValue != 0 {
            bits |= interest.rawValue & Readiness.readable.rawValue
        }
        rawValue = bits
    }
}

/// One descriptor that an event loop looks at, level-triggered. Loop thread only.
///
/// Cancel it before closing the descriptor. Cancelling or updating inside any callback is safe: an event that the same
/// `epoll_wait` delivered for the watch, or for an earlier owner of the descriptor's number, is dropped.
package final class Watch {
    let descriptor: Int32
    let generation: UInt32
    var interest: Interest
    var onReady: ((Readiness) -> Void)?
    /// Whether the kernel knows the descriptor: a watch without interest is taken out, because a hang-up would be
    /// reported without end whether asked for or not.
    var isRegistered = false
    private unowned let loop: EventLoop

    init(
        descriptor: Int32,
        generation: UInt32,
        interest: Interest,
        loop: EventLoop,
        onReady: @escaping (Readiness) -> Void
    ) {
        self.descriptor = descriptor
        self.generation = generation
        self.interest = interest
        self.loop = loop
        self.onReady = onReady
    }

    /// Waits for something else from now on; nothing at all if empty. Does nothing after `cancel`.
    package func update(_ interest: Interest) {
        guard onReady != nil, interest != self.interest else { return }
        self.interest = interest
        loop.watches.apply(self)
    }

    /// Ends the watch; its callback is not called again and is released. Any number of times.
    package func cancel() {
        guard onReady != nil else { return }
        onReady = nil
        loop.watches.remove(self)
    }
}

/// The watches of one loop and the epoll instance behind them. Loop thread only.
struct WatchTable {
    private let epoll: Int32
    /// By descriptor, which the kernel keeps small and dense.
    private var watches: [Watch?] = []
    private var lastGeneration: UInt32 = 0

    init(epoll: Int32) {
        self.epoll = epoll
    }

    mutating func insert(
        _ descriptor: Int32,
        _ interest: Interest,
        loop: EventLoop,
        _ onReady: @escaping (Readiness) -> Void
    ) throws(SystemError) -> Watch {
        precondition(descriptor >= 0, "a watch needs an open descriptor")
        lastGeneration &+= 1
        let watch = Watch(
            descriptor: descriptor,
            generation: lastGeneration,
            interest: interest,
            loop: loop,
            onReady: onReady
        )
        let index = Int(descriptor)
        while watches.count <= index { watches.append(nil) }
        // An owner that closed without cancelling has lost its claim: the number means another file now.
        watches[index]?.onReady = nil
        watches[index] = nil
        if !interest.isEmpty {
            guard register(watch) else { throw SystemError.last("epoll_ctl") }
        }
        watches[index] = watch
        return watch
    }

    /// Tells the kernel about a changed interest. A failure leaves the watch deaf, which its owner's deadline ends.
    func apply(_ watch: Watch) {
        guard watches[Int(watch.descriptor)] === watch else { return }
        if watch.interest.isEmpty { unregister(watch) } else { _ = register(watch) }
    }

    mutating func remove(_ watch: Watch) {
        guard watches[Int(watch.descriptor)] === watch else { return }
        watches[Int(watch.descriptor)] = nil
        unregister(watch)
    }

    /// The watch an event belongs to; nil if it has gone meanwhile.
    func watch(token: UInt64) -> Watch? {
        let index = Int(token & 0xffff_ffff)
        guard index < watches.count, let watch = watches[index], watch.generation == UInt32(token >> 32) else {
            return nil
        }
        return watch
    }

    mutating func removeAll() {
        for watch in watches { watch?.onReady = nil }
        watches = []
    }

    private func register(_ watch: Watch) -> Bool {
        let token = UInt64(watch.generation) << 32 | UInt64(watch.descriptor)
        let flags = watch.interest.flags
        let operations = watch.isRegistered ? [EPOLL_CTL_MOD, EPOLL_CTL_ADD] : [EPOLL_CTL_ADD, EPOLL_CTL_MOD]
        // The second try is for numbers that were closed and given out again behind the loop's back: then MOD finds
        // nothing, or ADD finds an entry of a file that a child process still holds open.
        for operation in operations
        where clinux_epoll_control(epoll, operation, watch.descriptor, flags, token) == 0 {
            watch.isRegistered = true
            return true
        }
        return false
    }

    private func unregister(_ watch: Watch) {
        guard watch.isRegistered else { return }
        watch.isRegistered = false
        // Fails if the owner closed first; then the kernel has forgotten the descriptor by itself.
        _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, watch.descriptor, 0, 0)
    }
}
