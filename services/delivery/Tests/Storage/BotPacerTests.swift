import Concurrency
import DeliveryService
import EventLoop
import TestSupport
import Testing
import Time

@Suite(.scratchDatabase(migrations: "services/delivery/migrations"))
struct BotPacerTests {
    private func pacer(perSecond: Int) -> BotPacer {
        BotPacer(
            BotStore(ScratchDatabase.current.database),
            perSecond: perSecond,
            loop: TestLoop.shared,
            clock: .system
        )
    }

    @Test func `slots come no faster than the pace, for two instances together`() async throws {
        let pacers = [pacer(perSecond: 50), pacer(perSecond: 50)]
        let started = Deadline.monotonicNow()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pacer in pacers { group.addTask { try await pacer.run() } }
            try await withThrowingTaskGroup(of: Void.self) { slots in
                for number in 0..<20 { slots.addTask { try await pacers[number % 2].takeSlot() } }
                try await slots.waitForAll()
            }
            group.cancelAll()
            // The pacers end because they are cancelled.
            while await group.nextResult() != nil {}
        }
        // Twenty slots are nineteen intervals of 20 ms.
        #expect(Double(Deadline.monotonicNow() - started) * 1e-9 >= 0.37)
    }

    @Test func `a waiter that is cancelled leaves the queue`() async throws {
        let pacer = pacer(perSecond: 10)
        let waiting = Task { try await pacer.takeSlot() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let running = Task { try await pacer.run() }
        try await pacer.takeSlot()
        running.cancel()
        _ = await running.result
    }
}
