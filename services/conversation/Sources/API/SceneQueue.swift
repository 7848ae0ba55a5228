internal import Concurrency
internal import Contracts

/// Lets the turns of one scene follow each other in this process, so that a burst (five results at once, twenty taps) does
/// not decide the same thing again and again. Between processes the session's revision decides.
///
/// At most `maximumWaiting` turns wait for one scene; more are refused with `overloaded`, which every caller repeats.
final class SceneQueue: Sendable {
    static let maximumWaiting = 64

    /// A scene is a key while a turn of it is taken; its value are the turns that wait.
    private let scenes = Locked<[Scene: [CheckedContinuation<Void, Never>]]>([:])

    /// Runs `body` when no other turn of the scene runs here.
    func run<Value: Sendable>(_ scene: Scene, _ body: () async throws -> Value) async throws -> Value {
        guard await enter(scene) else { throw Problem(.overloaded, "too much happens at once", retryAfterSeconds: 1) }
        defer { leave(scene) }
        return try await body()
    }

    /// Waits for its turn; false if too many wait already. A cancelled task waits too: its turns are short.
    private func enter(_ scene: Scene) async -> Bool {
        let isFree = scenes.withLock { scenes -> Bool? in
            guard let waiting = scenes[scene] else {
                scenes[scene] = []
                return true
            }
            return waiting.count < Self.maximumWaiting ? false : nil
        }
        guard let isFree else { return false }
        if isFree { return true }
        await withCheckedContinuation { continuation in
            let mayGo = scenes.withLock { scenes -> Bool in
                guard scenes[scene] != nil else {
                    // The turn before ended between the two looks.
                    scenes[scene] = []
                    return true
                }
                scenes[scene]?.append(continuation)
                return false
            }
            if mayGo { continuation.resume() }
        }
        return true
    }

    private func leave(_ scene: Scene) {
        let next = scenes.withLock { scenes -> CheckedContinuation<Void, Never>? in
            guard var waiting = scenes[scene], !waiting.isEmpty else {
                scenes[scene] = nil
                return nil
            }
            let next = waiting.removeFirst()
            scenes[scene] = waiting
            return next
        }
        next?.resume()
    }
}
