import EventLoop
import Postgres
import TestSupport

/// The database error that `body` throws, nil if it throws none.
func failure(_ body: () async throws -> some Any) async -> PostgresError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? PostgresError
    }
}

/// Asks until the answer is yes; fails after ten seconds.
func eventually(_ question: () async throws -> Bool) async throws {
    for _ in 0..<1_000 {
        if try await question() { return }
        try await ScratchDatabase.loop.sleep(for: .milliseconds(10))
    }
    throw NeverHappened()
}

struct NeverHappened: Error {}
