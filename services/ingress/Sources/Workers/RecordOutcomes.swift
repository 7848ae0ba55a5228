internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import Postgres
internal import Telemetry
internal import Time

/// Writes what became of dispatches, in batches.
final class RecordOutcomes: Worker {
    let name = "events.record"
    /// Outcomes are collected for so long: a crash repeats that much more, and the database has a fraction of the work.
    private static let linger = Duration.milliseconds(20)
    /// How long a stop waits for the last calls.
    private static let stopWithin = Duration.seconds(5)

    private let store: EventStore
    private let dispatch: Dispatch
    private let loop: EventLoop
    private let log: Log

    init(store: EventStore, dispatch: Dispatch, loop: EventLoop, log: Log) {
        self.store = store
        self.dispatch = dispatch
        self.loop = loop
        self.log = log
    }

    func run() async throws {
        while !Task.isCancelled {
            await dispatch.recordBell.wait()
            // Cancelled: a stop, which writes at once.
            try? await loop.sleep(for: Self.linger)
            // What ends meanwhile has rung the bell again, and is collected for as long.
            await writeOnce()
        }
        // A stop must not repeat what is handled: the calls in flight are waited for.
        await shieldedFromCancellation {
            let deadline = Deadline.after(Self.stopWithin)
            while !self.dispatch.isQuiet(), !deadline.isExpired {
                if await self.writeOnce() { continue }
                try? await self.loop.sleep(for: .milliseconds(5))  // Fails only when the loop has ended.
            }
        }
    }

    /// - Returns: Whether there may be more.
    @discardableResult
    private func writeOnce() async -> Bool {
        let completions = dispatch.takeCompletions()
        guard !completions.isEmpty else { return false }
        do {
            try await store.record(completions)
            dispatch.confirmWritten()
            return true
        } catch {
            dispatch.restoreUnwritten()
            log.warning(
                "outcomes were not written",
                [.count: .int(completions.count), .error: .describing(error.code)]
            )
            // The database is away; a cancelled sleep means a stop, and the takeover repeats these dispatches.
            try? await loop.sleep(for: .milliseconds(250))
            return !Task.isCancelled
        }
    }
}
