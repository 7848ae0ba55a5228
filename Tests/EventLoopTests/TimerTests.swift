import Concurrency
import EventLoop
import Testing
import Time

@Suite struct TimerTests {
    private let loop = EventLoop()

    /// Runs `body` on the loop and waits for its end.
    private func onLoop<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { done in loop.execute { done.resume(returning: body()) } }
    }

    @Test func `timers run in order of deadline, and equal ones in order of creation`() async {
        defer { loop.shutdown() }
        let order = Locked<[Int]>([])
        await withCheckedContinuation { done in
            loop.execute { [loop] in
                let base = Deadline.monotonicNow()
                for (delay, name) in [(9, 6), (3, 2), (0, 0), (3, 3), (1, 1), (6, 4), (6, 5)] {
                    let moment = Deadline(nanoseconds: base + UInt64(delay) * 1_000_000)
                    loop.schedule(at: moment) { order.withLock { $0.append(name) } }
                }
                loop.schedule(at: Deadline(nanoseconds: base + 12_000_000)) { done.resume() }
            }
        }
        #expect(order.withLock { $0 } == [0, 1, 2, 3, 4, 5, 6])
    }

    @Test func `no timer runs before its time`() async {
        defer { loop.shutdown() }
        let began = Deadline.monotonicNow()
        await withCheckedContinuation { done in
            loop.execute { [loop] in loop.schedule(after: .microseconds(3_700)) { done.resume() } }
        }
        #expect(Deadline.monotonicNow() - began >= 3_700_000)
    }

    @Test func `a cancelled timer never runs and is freed at once`() async {
        defer { loop.shutdown() }
        let ran = Locked(0)
        let left = await withCheckedContinuation { done in
            loop.execute { [loop] in
                let timers = (0..<1_000).map { number in
                    loop.schedule(after: .milliseconds(1 + number % 7)) { ran.withLock { $0 += 1 } }
                }
                for (index, timer) in timers.enumerated() where index % 10 != 0 { timer.cancel() }
                let left = loop.timerCount
                loop.schedule(after: .milliseconds(10)) { done.resume(returning: left) }
            }
        }
        #expect(left == 100)
        #expect(ran.withLock { $0 } == 100)
    }

    @Test func `a timer may cancel a later one that is due in the same turn`() async {
        defer { loop.shutdown() }
        let ran = Locked<[String]>([])
        await withCheckedContinuation { done in
            loop.execute { [loop] in
                var victim: Timer?
                loop.schedule(after: .milliseconds(1)) {
                    ran.withLock { $0.append("first") }
                    victim?.cancel()
                }
                victim = loop.schedule(after: .milliseconds(1)) { ran.withLock { $0.append("second") } }
                // Spinning past both deadlines makes them due together.
                let late = Deadline.after(.milliseconds(3))
                while !late.isExpired {}
                loop.schedule(after: .milliseconds(2)) { done.resume() }
            }
        }
        #expect(ran.withLock { $0 } == ["first"])
    }

    @Test(arguments: [1, 2, 3, 4, 5])
    func `a random walk of sets and cancels runs what is left in order`(seed: UInt64) async {
        defer { loop.shutdown() }
        let ran = Locked<[Int]>([])
        let expected = await withCheckedContinuation { done in
            loop.execute { [loop] in
                var random = seed
                func next(_ bound: Int) -> Int {
                    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return Int(random >> 33) % bound
                }
                let base = Deadline.monotonicNow()
                var live: [(delay: Int, timer: Timer)] = []
                for _ in 0..<400 {
                    if next(3) == 0, !live.isEmpty {
                        live.remove(at: next(live.count)).timer.cancel()
                    } else {
                        let delay = 2 + next(20)
                        let moment = Deadline(nanoseconds: base + UInt64(delay) * 1_000_000)
                        let timer = loop.schedule(at: moment) { ran.withLock { $0.append(delay) } }
                        live.append((delay, timer))
                    }
                }
                let expected = live.map(\.delay).sorted()
                loop.schedule(at: Deadline(nanoseconds: base + 60_000_000)) { done.resume(returning: expected) }
            }
        }
        #expect(ran.withLock { $0 } == expected)
    }

    @Test func `cancelling a sleep ends it at once and frees its timer`() async throws {
        defer { loop.shutdown() }
        let loop = loop
        let began = Deadline.monotonicNow()
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    do {
                        try await loop.sleep(for: .seconds(600))
                        return false
                    } catch { return error is CancellationError }
                }
            }
            group.cancelAll()
            for await wasCancelled in group { #expect(wasCancelled) }
        }
        #expect(await onLoop { loop.timerCount } == 0)
        #expect(Deadline.monotonicNow() - began < 5_000_000_000)
    }

    @Test func `shutting down ends sleepers and late callers do not hang`() async throws {
        let loop = loop
        let sleeper = Task { try await loop.sleep(for: .seconds(600)) }
        while await onLoop({ loop.timerCount }) == 0 { await Task.yield() }
        loop.shutdown()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        await #expect(throws: CancellationError.self) { try await loop.sleep(for: .seconds(600)) }
        #expect(try await loop.run { 7 } == 7)
    }
}
