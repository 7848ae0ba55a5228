import Concurrency
import EventLoop
import Glibc
import Testing
import Time

@Suite struct EventLoopTests {
    private let loop = EventLoop(name: "test-loop")

    @Test func `tasks, child tasks, sleeps and default actors stay on the loop's thread`() async throws {
        defer { loop.shutdown() }
        let loop = loop
        actor Counter {
            func isOn(_ loop: EventLoop) -> Bool { loop.isCurrent }
        }
        let places = try await loop.run {
            async let child = loop.isCurrent
            try await loop.sleep(for: .milliseconds(1))
            let afterSleep = loop.isCurrent && EventLoop.current === loop
            let inGroup = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 { group.addTask { loop.isCurrent } }
                return await group.reduce(true) { $0 && $1 }
            }
            return [await child, afterSleep, inGroup, await Counter().isOn(loop)]
        }
        #expect(places == [true, true, true, true])
        #expect(!loop.isCurrent)
        #expect(EventLoop.current == nil)
    }

    @Test func `work from many threads all runs, each thread's in order`() async {
        defer { loop.shutdown() }
        let loop = loop
        let seen = Locked<[[Int]]>(Array(repeating: [], count: 8))
        await withTaskGroup { group in
            for lane in 0..<8 {
                group.addTask {
                    for number in 0..<500 { loop.execute { seen.withLock { $0[lane].append(number) } } }
                    await withCheckedContinuation { done in loop.execute { done.resume() } }
                }
            }
        }
        #expect(seen.withLock { $0 }.allSatisfy { $0 == Array(0..<500) })
    }

    @Test func `work that keeps adding work starves neither timers nor descriptors`() async throws {
        defer { loop.shutdown() }
        let pair = try Pipe()
        let (timerRan, descriptorRan) = (Locked(false), Locked(false))
        let isDone: @Sendable () -> Bool = { timerRan.withLock { $0 } && descriptorRan.withLock { $0 } }
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            loop.execute { [loop] in
                @Sendable func spin() {
                    if isDone() { done.resume() } else { loop.execute { spin() } }
                }
                loop.schedule(after: .milliseconds(1)) { timerRan.withLock { $0 = true } }
                _ = try? loop.watch(pair.reading, .readable) { _ in descriptorRan.withLock { $0 = true } }
                pair.write("x")
                spin()
            }
        }
        #expect(isDone())
    }

    @Test func `a body that outlives its deadline is cancelled and said so`() async throws {
        defer { loop.shutdown() }
        let loop = loop
        let wasCancelled = Locked(false)
        await #expect(throws: DeadlineExceeded.self) {
            try await loop.withDeadline(.after(.milliseconds(5))) {
                do { try await loop.sleep(for: .seconds(600)) } catch {
                    wasCancelled.withLock { $0 = true }
                    throw error
                }
            }
        }
        #expect(wasCancelled.withLock { $0 })
    }

    @Test func `a body within its deadline keeps its result and its error`() async throws {
        let loop = loop
        defer { loop.shutdown() }
        struct Refusal: Error {}
        #expect(try await loop.withDeadline(.after(.seconds(60))) { 5 } == 5)
        await #expect(throws: Refusal.self) {
            try await loop.withDeadline(.after(.seconds(60))) { throw Refusal() }
        }
        await #expect(throws: DeadlineExceeded.self) {
            try await loop.withDeadline(.after(.zero)) { 5 }
        }
        let left = await withCheckedContinuation { done in
            loop.execute { loop.execute { done.resume(returning: loop.timerCount) } }
        }
        #expect(left == 0)
    }

    @Test func `the caller's cancellation reaches the body`() async throws {
        defer { loop.shutdown() }
        let loop = loop
        let task = Task {
            try await loop.withDeadline(.after(.seconds(600))) { try await loop.sleep(for: .seconds(600)) }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `a turn that takes long shows as lag`() async {
        defer { loop.shutdown() }
        await withCheckedContinuation { done in
            loop.execute {
                let end = Deadline.after(.milliseconds(30))
                while !end.isExpired {}
                done.resume()
            }
        }
        await withCheckedContinuation { done in loop.execute { done.resume() } }
        #expect(loop.lag >= .milliseconds(25))
    }

    @Test func `the loop may shut itself down`() async {
        await withCheckedContinuation { done in
            loop.execute { [loop] in
                loop.shutdown()
                done.resume()
            }
        }
        loop.shutdown()
    }
}

@Suite struct WatchTests {
    private let loop = EventLoop()

    @Test func `a watch is told again until everything is read`() async throws {
        defer { loop.shutdown() }
        let pipe = try Pipe()
        let received = Locked<[UInt8]>([])
        await withCheckedContinuation { done in
            loop.execute { [loop] in
                var watch: Watch?
                watch = try? loop.watch(pipe.reading, .readable) { readiness in
                    #expect(readiness.contains(.readable))
                    received.withLock { $0 += pipe.read(1) }
                    if received.withLock({ $0.count }) == 3 {
                        watch?.cancel()
                        done.resume()
                    }
                }
                pipe.write("abc")
            }
        }
        #expect(received.withLock { $0 } == Array("abc".utf8))
    }

    @Test func `a watch cancelled inside another's callback is not called in the same turn`() async throws {
        defer { loop.shutdown() }
        let pipes = try [Pipe(), Pipe()]
        let calls = Locked(0)
        await withCheckedContinuation { done in
            loop.execute { [loop] in
                var watches: [Watch] = []
                for pipe in pipes {
                    pipe.write("x")
                    let watch = try? loop.watch(pipe.reading, .readable) { _ in
                        calls.withLock { $0 += 1 }
                        for watch in watches { watch.cancel() }
                        loop.schedule(after: .milliseconds(3)) { done.resume() }
                    }
                    if let watch { watches.append(watch) }
                }
            }
        }
        #expect(calls.withLock { $0 } == 1)
    }

    @Test func `an event of a closed descriptor does not reach the next owner of its number`() async throws {
        defer { loop.shutdown() }
        let (first, second) = (try Pipe(), try Pipe())
        let strays = Locked(0)
        await withCheckedContinuation { done in
            loop.execute { [loop] in
                var old: Watch?
                let take: (Readiness) -> Void = { _ in
                    // Runs first or second in one batch: both pipes are ready. The other's number is reused for a
                    // descriptor that is not ready.
                    old?.cancel()
                    let fresh = dup2(first.reading, second.reading)
                    _ = first.read(16)
                    _ = try? loop.watch(fresh, .readable) { _ in strays.withLock { $0 += 1 } }
                    loop.schedule(after: .milliseconds(3)) { done.resume() }
                }
                var watch: Watch?
                watch = try? loop.watch(first.reading, .readable) { readiness in
                    watch?.cancel()
                    take(readiness)
                }
                old = try? loop.watch(second.reading, .readable) { _ in old?.cancel() }
                first.write("x")
                second.write("x")
            }
        }
        #expect(strays.withLock { $0 } == 0)
    }

    @Test func `a watch without interest is silent although the peer is gone`() async throws {
        defer { loop.shutdown() }
        let pipe = try Pipe()
        let calls = Locked<[Readiness]>([])
        await withCheckedContinuation { done in
            loop.execute { [loop] in
                let watch = try? loop.watch(pipe.reading, []) { readiness in calls.withLock { $0.append(readiness) } }
                pipe.closeWriting()
                loop.schedule(after: .milliseconds(3)) {
                    #expect(calls.withLock { $0.isEmpty })
                    watch?.update(.readable)
                    loop.schedule(after: .milliseconds(3)) {
                        watch?.cancel()
                        done.resume()
                    }
                }
            }
        }
        #expect(calls.withLock { $0.first?.isSuperset(of: [.readable, .hungUp]) } == true)
    }

    @Test func `what cannot be watched is refused with the system's reason`() async throws {
        defer { loop.shutdown() }
        let refusal = await withCheckedContinuation { done in
            loop.execute { [loop] in
                do throws(SystemError) {
                    _ = try loop.watch(999, .readable) { _ in }
                    done.resume(returning: SystemError?.none)
                } catch { done.resume(returning: error) }
            }
        }
        #expect(refusal == SystemError(operation: "epoll_ctl", number: EBADF))
    }
}

/// Two connected descriptors.
private final class Pipe: Sendable {
    let reading: Int32
    let writing: Int32
    private let isOpen = Locked((true, true))

    init() throws {
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw SystemError.last("pipe") }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        closeReading()
        closeWriting()
    }

    func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe Glibc.write(writing, bytes, bytes.count)
    }

    func read(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = unsafe Glibc.read(reading, &bytes, count)
        return Array(bytes.prefix(max(0, got)))
    }

    func closeReading() {
        if isOpen.withLock({ isOpen in
            defer { isOpen.0 = false }
            return isOpen.0
        }) {
            close(reading)
        }
    }

    func closeWriting() {
        if isOpen.withLock({ isOpen in
            defer { isOpen.1 = false }
            return isOpen.1
        }) {
            close(writing)
        }
    }
}
