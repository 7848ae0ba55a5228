internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import ServiceKit
internal import Telemetry
internal import Time

/// Stops the spinners of pressed buttons, beside the turns and as fast as delivery takes them.
///
/// Not stored: an answer that is late is worthless. At most `maximumWaiting` wait and `maximumInFlight` are under way; what
/// comes on top is dropped and counted, and the spinner then ends by itself.
final class CallbackAnswers: Worker {
    static let maximumWaiting = 1_024
    static let maximumInFlight = 32
    static let timeout = Duration.seconds(2)

    let name = "callbacks.answer"
    private let waiting = Locked<[AnswerCallback.Input]>([])
    private let wakeup = Wakeup()
    private let delivery: InternalClient
    private let answers: Counter

    init(_ context: ServiceContext) {
        delivery = context.client(for: .delivery)
        answers = context.metrics.counter(
            "atelier_conversation_callback_answers_total",
            "Answers to pressed buttons.",
            labels: ["outcome"]
        )
    }

    /// Queues an answer; never waits.
    func send(_ toast: Toast, to query: String) {
        let text = toast.text.isEmpty ? nil : Texts.shortened(toast.text, to: 200)
        let isTaken = waiting.withLock { waiting in
            guard waiting.count < Self.maximumWaiting else { return false }
            waiting.append(AnswerCallback.Input(callbackQueryID: query, text: text, isAlert: toast.isAlert))
            return true
        }
        guard isTaken else { return answers.increment("dropped") }
        wakeup.ring()
    }

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            var inFlight = 0
            while !Task.isCancelled {
                let batch = waiting.withLock { waiting in
                    let batch = waiting
                    waiting = []
                    return batch
                }
                for input in batch {
                    if inFlight >= Self.maximumInFlight {
                        await group.next()
                        inFlight -= 1
                    }
                    group.addTask { await self.answer(input) }
                    inFlight += 1
                }
                await wakeup.wait()
            }
        }
    }

    private func answer(_ input: AnswerCallback.Input) async {
        do throws(CallError) {
            _ = try await delivery.call(
                AnswerCallback.self,
                input,
                key: "callback:\(input.callbackQueryID)",
                timeout: Self.timeout
            )
            answers.increment("sent")
        } catch {
            answers.increment("failed")
        }
    }
}
