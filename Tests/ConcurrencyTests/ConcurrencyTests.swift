import Concurrency
import Testing
import Time

@Suite struct BackoffTests {
    private let backoff = Backoff(first: .seconds(1), cap: .seconds(10), factor: 2, jitter: 0.2)

    @Test(arguments: [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (6, 10), (1_000_000, 10), (0, 1), (-5, 1)])
    func `the nominal wait doubles up to the cap`(attempt: Int, seconds: Int) {
        #expect(backoff.delay(attempt: attempt, random: 0.5) == .seconds(seconds))
    }

    @Test func `jitter spreads the wait evenly around the nominal one`() {
        #expect(backoff.delay(attempt: 2, random: 0).wholeMilliseconds == 1_600)
        #expect(backoff.delay(attempt: 2, random: 1).wholeMilliseconds == 2_400)
        for _ in 0..<100 {
            #expect((Duration.seconds(8)...Duration.seconds(12)).contains(backoff.delay(attempt: 9)))
        }
    }

    @Test func `no growth and no wait at all are allowed`() {
        #expect(Backoff(first: .zero, cap: .seconds(1)).delay(attempt: 50) == .zero)
        let constant = Backoff(first: .seconds(3), cap: .seconds(9), factor: 1, jitter: 0)
        #expect(constant.delay(attempt: 50) == .seconds(3))
    }
}

@Suite struct LockedTests {
    @Test func `increments from many tasks are all counted`() async {
        let count = Locked(0)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 { count.withLock { $0 += 1 } }
                }
            }
        }
        #expect(count.withLock { $0 } == 8_000)
    }

    @Test func `an error leaves the lock open`() {
        let value = Locked(1)
        #expect(throws: CancellationError.self) {
            try value.withLock { _ in throw CancellationError() }
        }
        #expect(value.withLock { $0 } == 1)
    }
}

@Suite struct BlockingExecutorTests {
    @Test func `work beyond the waiting limit is refused and the rest still runs`() async throws {
        let executor = BlockingExecutor(threads: 1, name: "test", maximumWaiting: 1)
        let gate = Locked(false)
        let outcomes = await withTaskGroup(of: Int.self, returning: [Int].self) { group in
            for number in 1...3 {
                group.addTask {
                    do {
                        return try await executor.run {
                            while !gate.withLock({ $0 }) {}
                            return number
                        }
                    } catch {
                        // One runs, one waits at most: a refusal is the third call's, and opens the gate for the rest.
                        gate.withLock { $0 = true }
                        return error is BlockingExecutor.QueueFull ? 0 : -1
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.contains(0))
        #expect(outcomes.contains { $0 > 0 })
        #expect(!outcomes.contains(-1))
    }

    @Test func `an error of the body reaches the caller`() async {
        let executor = BlockingExecutor(threads: 2, name: "test")
        await #expect(throws: CancellationError.self) {
            try await executor.run { throw CancellationError() }
        }
    }

    @Test func `a task that prefers the executor runs on its threads`() async {
        let executor = BlockingExecutor(threads: 2, name: "test")
        let sum = await withTaskGroup(of: Int.self, returning: Int.self) { group in
            for number in 1...10 { group.addTask(executorPreference: executor) { number } }
            return await group.reduce(0, +)
        }
        #expect(sum == 55)
    }
}
