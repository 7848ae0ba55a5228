internal import Foundation
internal import Time

/// Prints the story as it happens: what was done, what came of it, and how long it took.
final class Narrator {
    /// A step that did not go as it must; the text says what was expected and what was there.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let started = Deadline.monotonicNow()
    private(set) var failures: [String] = []
    private(set) var timings: [(name: String, seconds: Double)] = []

    func title(_ text: String) {
        say("\n━━ \(text)")
    }

    func note(_ text: String) {
        say("          \(text)")
    }

    /// Tells one step and how long it took. A failure is remembered, told and thrown on.
    @discardableResult
    func step<Result>(_ text: String, _ body: () async throws -> Result) async throws -> Result {
        let begun = Deadline.monotonicNow()
        do {
            let result = try await body()
            let seconds = Self.seconds(since: begun)
            timings.append((text, seconds))
            say("\(clock) ✓ \(text)  (\(Self.text(seconds)) s)")
            return result
        } catch {
            failures.append("\(text): \(error)")
            say("\(clock) ✗ \(text)\n          \(error)")
            throw error
        }
    }

    /// Checks one claim of the proof. A failure is remembered and told; the proof goes on.
    func claim(_ text: String, _ holds: Bool, _ figures: String) {
        if !holds { failures.append("\(text): \(figures)") }
        say("          \(holds ? "✓" : "✗") \(text): \(figures)")
    }

    private var clock: String {
        let seconds = Self.seconds(since: started)
        let text = Self.text(seconds)
        return String(repeating: " ", count: max(0, 7 - text.count)) + text + " s"
    }

    private func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    static func seconds(since begun: UInt64) -> Double { Double(Deadline.monotonicNow() - begun) * 1e-9 }
    static func text(_ seconds: Double) -> String { String(format: "%.2f", seconds) }
}
