import EventLoop
import Testing

@Suite struct EventLoopTests {
    @Test func `a task stays on the loop's thread`() async throws {
        let loop = EventLoop()
        defer { loop.shutdown() }
        let isOnLoop = try await loop.run {
            try await loop.sleep(for: .milliseconds(2))
            return loop.isCurrent
        }
        #expect(isOnLoop)
    }
}
