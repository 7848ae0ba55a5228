internal import Concurrency
internal import Contracts
internal import Postgres
internal import Telemetry
internal import Time

// What becomes of a message after Telegram's answer.

extension LaneSender {
    private static let backoff = Backoff(first: .seconds(1), cap: .seconds(60))
    private static let pauseOfRefusedBot = Duration.seconds(30)

    /// Stores the verdict with its consequences.
    ///
    /// - Parameter endsBlock: Whether Telegram has taken something for a chat that was held to be blocked.
    func conclude(
        _ head: LaneHead,
        _ attempt: Int,
        _ message: OutgoingMessage,
        _ verdict: OutgoingMessage.Verdict,
        endsBlock: Bool = false
    ) async throws -> Course {
        var (record, course) = decide(message, verdict)
        record.isReachable = endsBlock
        switch verdict {
        case .flooded(let seconds), .unknownAndFlooded(let seconds):
            try await noteFlood(message.chatID, seconds)
        case .botRefused:
            log.error("Telegram refuses the bot's token")
            try await pacer.pause(for: Self.pauseOfRefusedBot)
        default:
            break
        }
        // What Telegram has answered must not be forgotten.
        try await PersistentWrite.run(on: loop) {
            try await lanes.settle(head, attempt: attempt, progress: message.progress, record)
        }
        if case .moved(let chat) = verdict {
            try await chats.move(message.chatID, to: chat)
            course = .letGo(at: nil)
        }
        count(head, record)
        return course
    }

    /// Keeps the store of file ids in step with an answer; losing that only costs an upload.
    func noteFiles(_ answer: TelegramAnswer, _ message: OutgoingMessage, _ sources: [MediaSource]) async {
        do {
            if case .accepted(let result) = answer {
                try await media.remember(SentMessage(result: result), for: message, sources)
            }
            if answer == .fileIDRefused { try await media.forget(message) }
        } catch {
            log.warning("a file id was not noted", [.error: .describing(error)])
        }
    }

    private func decide(
        _ message: OutgoingMessage,
        _ verdict: OutgoingMessage.Verdict
    ) -> (StepRecord, Course) {
        var record: StepRecord
        switch verdict {
        case .next:
            var rest = message
            return (StepRecord(rest.nextStep() == nil ? .sent : .queued), .goOn)
        case .unknown:
            return (StepRecord(.unknown, failure: "no answer"), .goOn)
        case .failed(let reason):
            return (StepRecord(.failed, failure: reason), .goOn)
        case .moved:
            return (StepRecord(.queued), .goOn)
        case .blocked(let reason):
            record = StepRecord(.queued)
            record.blockedReason = reason
        case .retry:
            record = StepRecord(.queued)
            record.pause = Self.backoff.delay(attempt: max(1, message.progress.tries))
        case .flooded(let seconds):
            record = StepRecord(.queued)
            record.pause = .seconds(seconds) + .milliseconds(Int.random(in: 0...500))
        case .unknownAndFlooded(let seconds):
            record = StepRecord(.unknown, failure: "sent in part")
            record.pause = .seconds(seconds) + .milliseconds(Int.random(in: 0...500))
        case .botRefused:
            record = StepRecord(.queued)
            record.pause = Self.pauseOfRefusedBot
        }
        return (record, .letGo(at: clock.now))
    }

    private func noteFlood(_ chat: ChatID, _ seconds: Int) async throws {
        let scope = flood.withLock { $0.flooded(chat, at: clock.now) }
        metrics.floods.increment(scope.rawValue)
        log.warning(
            "Telegram asks for a pause",
            [.chatID: .personal(chat), .seconds: .int(seconds), .reason: "\(scope)"]
        )
        if scope == .bot { try await pacer.pause(for: .seconds(seconds)) }
    }

    /// The bytes can't be had now: this message waits, those behind it don't.
    func postpone(
        _ head: LaneHead,
        _ message: OutgoingMessage,
        _ failure: MediaFetcher.Failure
    ) async throws -> Course {
        var progress = message.progress
        progress.tries += 1
        var record = StepRecord(.queued)
        switch failure {
        case .gone: record = StepRecord(.failed, failure: "the media are gone")
        case .unavailable: record.dueIn = Self.backoff.delay(attempt: progress.tries)
        }
        try await lanes.settle(head, attempt: head.attempts, progress: progress, record)
        count(head, record)
        return .goOn
    }

    private func count(_ head: LaneHead, _ record: StepRecord) {
        let kind = head.message.kind.rawValue
        if record.blockedReason != nil { metrics.messages.increment(kind, "blocked") }
        guard record.state != .queued else { return }
        metrics.messages.increment(kind, record.state.rawValue)
        if record.state == .sent {
            metrics.messageSeconds.observe((clock.now - head.queuedAt).inSeconds, kind)
        } else {
            log.warning(
                "a message did not arrive for certain",
                [.chatID: .personal(head.message.chatID), .reason: .string(record.failure ?? record.state.rawValue)]
            )
        }
    }
}
