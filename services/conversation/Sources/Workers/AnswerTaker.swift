internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import Telemetry
internal import Time

/// Decides on the answers to our commands.
///
/// An answer waits in the database until its decision is stored, so a crash between the two only delays it. Woken when one
/// is written; polls for what other instances have left.
final class AnswerTaker: Worker {
    static let pollInterval = Duration.milliseconds(500)

    let name = "answers.decide"
    private let store: AnswerStore
    private let taker: TurnTaker
    private let loop: EventLoop
    private let log: Log
    private let wakeup: Wakeup

    init(store: AnswerStore, taker: TurnTaker, loop: EventLoop, log: Log, wakeup: Wakeup) {
        self.store = store
        self.taker = taker
        self.loop = loop
        self.log = log
        self.wakeup = wakeup
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    try await self.loop.sleep(for: Self.pollInterval)
                    try await self.takeAll()
                }
            }
            group.addTask {
                try await self.takeAll()
                while !Task.isCancelled {
                    await self.wakeup.wait()
                    try await self.takeExpected()
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    /// The bell rings a moment before the answer's transaction commits, so an empty look is repeated a few times.
    private func takeExpected() async throws {
        for pause in Self.looks {
            if try await takeAll() { return }
            try await loop.sleep(for: pause)
        }
    }

    private static let looks: [Duration] = [1, 2, 4, 8, 16, 32].map { .milliseconds($0) }

    /// Takes answers until none are due.
    ///
    /// - Returns: Whether there were any.
    @discardableResult
    func takeAll() async throws -> Bool {
        var isAny = false
        while true {
            let due = try await store.takeDue()
            guard !due.isEmpty else { return isAny }
            isAny = true
            // One user's answers one after the other, users side by side.
            let byUser = Dictionary(grouping: due, by: \.scene.userID)
            await withTaskGroup(of: Void.self) { group in
                for answers in byUser.values {
                    group.addTask { for answer in answers { await self.decide(answer) } }
                }
            }
        }
    }

    private func decide(_ waiting: AnswerStore.Waiting) async {
        let occasion = TurnTaker.Occasion(
            happening: .answer(waiting.answer),
            scene: waiting.scene,
            event: "answer-\(waiting.key)",
            language: Language(tag: nil),
            answer: waiting.key
        )
        do {
            let outcome = try await taker.take(occasion)
            if outcome == .repeated { try await store.remove(waiting.key) }
        } catch {
            // Taken again in ten seconds.
            log.warning(
                "answer not decided",
                [.attempt: .int(waiting.attempts), .error: .describing(error)]
            )
        }
    }
}

/// Removes keys of events that are too old to come again.
struct SeenSweeper: Worker {
    let name = "seen.sweep"
    let store: SeenStore
    let loop: EventLoop

    func run() async throws {
        while !Task.isCancelled {
            while try await store.sweep() == 5_000 { try await loop.sleep(for: .milliseconds(200)) }
            try await loop.sleep(for: .seconds(3_600))
        }
    }
}
