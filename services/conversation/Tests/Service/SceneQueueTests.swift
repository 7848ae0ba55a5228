import Concurrency
import Contracts
import Testing

@testable import ConversationService

@Suite struct SceneQueueTests {
    @Test func `turns of one scene never overlap, and none is lost`() async throws {
        let queue = SceneQueue()
        let scene = Scene(userID: 1, chatID: 1)
        let running = Locked(0)
        let done = Locked(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await queue.run(scene) {
                        #expect(
                            running.withLock {
                                $0 += 1; return $0
                            } == 1
                        )
                        await Task.yield()
                        running.withLock { $0 -= 1 }
                        done.withLock { $0 += 1 }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(done.withLock { $0 } == 50)
    }

    @Test func `a scene that is busy holds up no other, a failed turn lets the next one in, and too many are refused`()
        async throws
    {
        let queue = SceneQueue()
        let busy = Scene(userID: 1, chatID: 1)
        let gate = Wakeup()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await queue.run(busy) { await gate.wait() }
                return true
            }
            let other = try await queue.run(Scene(userID: 2, chatID: 2)) { true }
            #expect(other)
            for _ in 0..<(SceneQueue.maximumWaiting + 30) {
                group.addTask {
                    do {
                        return try await queue.run(busy) { throw Refused() }
                    } catch is Refused {
                        return true
                    } catch let problem as Problem {
                        #expect(problem.code == .overloaded)
                        return false
                    }
                }
            }
            // The refused ones end while the gate is still closed.
            var refused = 0
            while refused < 29, let taken = try await group.next() { refused += taken ? 0 : 1 }
            gate.ring()
            var taken = 0
            for try await isTaken in group { taken += isTaken ? 1 : 0 }
            #expect(taken >= SceneQueue.maximumWaiting)
        }
    }

    struct Refused: Error {}
}
