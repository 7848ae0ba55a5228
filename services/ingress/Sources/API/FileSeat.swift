internal import Concurrency
internal import Time

/// The download route's gate in a process.
final class FileSeats: Sendable {
    private let gate: Locked<FileGate>
    private let clock: WallClock

    init(limits: FileGate.Limits, clock: WallClock) {
        self.gate = Locked(FileGate(limits: limits))
        self.clock = clock
    }

    var streams: Int { gate.withLock { $0.streams } }

    func admit(_ address: String) -> Bool {
        gate.withLock { $0.admit(address, now: clock.now) }
    }

    /// A place for one stream; nil if all are taken.
    func take(_ address: String) -> FileSeat? {
        guard gate.withLock({ $0.enter(address, now: clock.now) }) else { return nil }
        return FileSeat { [self] in gate.withLock { $0.leave(address) } }
    }
}

/// A place that is free again when nobody refers to it any more, so that an answer which is never streamed keeps none.
final class FileSeat: Sendable {
    private let leave: @Sendable () -> Void

    init(leave: @escaping @Sendable () -> Void) {
        self.leave = leave
    }

    deinit { leave() }
}
