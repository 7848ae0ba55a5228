import Testing

@testable import EventLoop

@Suite struct VigilTests {
    private static let short = Vigil.nanoseconds - 1

    @Test func `a loop stays awake only after short waits in a row, and one long wait ends it`() {
        var vigil = Vigil()
        #expect(!vigil.isWorthIt)
        for _ in 1..<Vigil.proof {
            vigil.waited(Self.short)
            #expect(!vigil.isWorthIt)
        }
        for _ in 0..<100 {
            vigil.waited(Self.short)
            #expect(vigil.isWorthIt)
        }
        vigil.waited(Vigil.nanoseconds)
        #expect(!vigil.isWorthIt)
        for _ in 0..<Vigil.proof { vigil.waited(0) }
        #expect(vigil.isWorthIt)
    }
}
