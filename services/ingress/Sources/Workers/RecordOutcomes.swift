internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import Postgres
internal import Telemetry

/// Writes what became of dispatches, in batches: whatever ended while the previous batch was written.
final class RecordOutcomes: Worker {
    let name = "events.record"
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
            while await writeOnce() {}
        }
        // A stop must not repeat what was handled: one last try.
        _ = await shieldedFromCancellation { await self.writeOnce() }
    }

    /// - Returns: Whether there may be more.
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
