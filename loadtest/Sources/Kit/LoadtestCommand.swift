internal import Concurrency
internal import Dispatch
package import EventLoop
internal import Foundation
internal import LocalSystem

/// The command line of a loadtest executable: a scenario's name and what follows it.
package struct LoadtestCommand: Sendable {
    /// A benchmark or proof; `make <name>` runs it.
    package struct Scenario: Sendable {
        package let name: String
        package let run: @Sendable (EventLoop, [String]) async throws -> Int32

        /// - Parameter run: Gets the words behind the name; returns the exit code.
        package init(_ name: String, _ run: @escaping @Sendable (EventLoop, [String]) async throws -> Int32) {
            self.name = name
            self.run = run
        }
    }

    /// Runs the scenario that the command line names and ends the process: 0 done and held, 1 not, 2 wrong usage.
    package static func run(_ scenarios: [Scenario]) -> Never {
        let words = Array(CommandLine.arguments.dropFirst())
        guard let scenario = scenarios.first(where: { $0.name == words.first }) else {
            Console.complain("usage: \(scenarios.map(\.name).joined(separator: " | "))")
            exit(2)
        }
        let loop = EventLoop(name: "loadtest")
        let done = DispatchSemaphore(value: 0)
        let code = Locked<Int32>(1)
        // Unstructured because the main thread is not a task; it waits right here.
        Task(executorPreference: loop) {
            do {
                let result = try await scenario.run(loop, Array(words.dropFirst()))
                code.withLock { $0 = result }
            } catch {
                Console.complain("\(error)")
            }
            done.signal()
        }
        done.wait()
        exit(code.withLock { $0 })
    }
}
