internal import Concurrency
internal import Contracts
package import EventLoop
internal import Foundation
internal import Postgres
internal import ServiceKit
package import Telemetry
package import Time

/// Sends what waits in one chat, message by message, step by step.
///
/// Each step is: get the bytes ready, wait for the paces, record that the call begins, call, record the answer. A crash
/// anywhere leaves a row from which the next holder of the lane knows what may have happened.
package struct LaneSender: Sendable {
    private let lanes: LaneStore
    private let chats: ChatStore
    private let media: MediaFetcher
    private let telegram: TelegramClient
    private let pacer: BotPacer
    private let loop: EventLoop
    private let clock: WallClock
    private let metrics: DeliveryMetrics
    private let log: Log
    private let flood = Locked(FloodWatch())

    private static let backoff = Backoff(first: .seconds(1), cap: .seconds(60))
    /// A lane that has to wait longer for its pace is let go meanwhile.
    private static let longestPaceWait = Duration.seconds(2)
    private static let maximumWrites = 7
    private static let writeBackoff = Backoff(first: .milliseconds(50), cap: .seconds(2))
    private static let pauseOfRefusedBot = Duration.seconds(30)

    package init(
        lanes: LaneStore,
        chats: ChatStore,
        media: MediaFetcher,
        telegram: TelegramClient,
        pacer: BotPacer,
        loop: EventLoop,
        clock: WallClock,
        metrics: DeliveryMetrics,
        log: Log
    ) {
        self.lanes = lanes
        self.chats = chats
        self.media = media
        self.telegram = telegram
        self.pacer = pacer
        self.loop = loop
        self.clock = clock
        self.metrics = metrics
        self.log = log
    }

    /// What a lane does after a step.
    private enum Course {
        case goOn
        /// Let the lane go; look again then, or when the next message is due.
        case letGo(at: Timestamp?)
    }

    /// Works until nothing is due, the lane must pause, or the task is cancelled; then lets the lane go.
    package func run(_ lane: LaneLease) async throws {
        var arrival = Timestamp(microseconds: 0)
        while let view = try await shielded({ try await lanes.view(lane) }) {
            arrival = max(arrival, view.arrival)
            var course = Course.letGo(at: view.nextDue)
            if let head = view.head, !Task.isCancelled {
                do {
                    // What happens to the message belongs to the request that brought it.
                    let trace = head.traceparent.flatMap { TraceContext(traceparent: $0) }?.child()
                    course = try await TraceContext.$current.withValue(trace) {
                        try await work(head, lane, view, &arrival)
                    }
                } catch is CancellationError {
                    // Nothing was begun: another process may go on at once.
                }
            }
            if case .letGo(let next) = course {
                let last = arrival
                return try await shielded {
                    try await lanes.release(lane, seen: view.enqueued, arrival: last, nextAt: next)
                }
            }
        }
    }

    private func work(
        _ head: LaneHead,
        _ lane: LaneLease,
        _ view: LaneView,
        _ arrival: inout Timestamp
    ) async throws -> Course {
        var message = head.message
        if let step = head.leftStep {
            metrics.recovered.increment(step.rawValue)
            let verdict = message.recover(step)
            let recovered = message
            if message.progress.repeats > head.message.progress.repeats { metrics.repeats.increment(step.rawValue) }
            return try await shielded { try await conclude(head, head.attempts, recovered, verdict) }
        }
        let next = message.nextStep()
        let planned = message
        guard let step = next else {
            return try await shielded { try await conclude(head, head.attempts, planned, .next) }
        }
        let pace = Pace.of(lane.chatID)
        let wait = step.costsPace ? pace.wait(arrival: arrival, now: clock.now) : .zero
        if wait > Self.longestPaceWait { return .letGo(at: clock.now + wait) }

        let sources: [MediaSource]
        let links: [DownloadLink]
        do {
            links = step.hasKeyboard ? try await media.links(for: planned) : []
            // Before the head too: it must not announce a medium that can't be had.
            sources = step.needsMedia || step == .sendHead ? try await media.sources(for: planned) : []
        } catch let failure as MediaFetcher.Failure {
            return try await shielded { try await postpone(head, planned, failure) }
        }
        defer { MediaFetcher.discard(sources) }
        if wait > .zero { try await loop.sleep(for: wait) }
        if step.costsPace {
            try await pacer.takeSlot()
            arrival = pace.take(arrival: arrival, now: clock.now)
        }
        return try await shielded { try await perform(step, planned, head, lane, view, sources, links) }
    }

    private func perform(
        _ step: SendStep,
        _ planned: OutgoingMessage,
        _ head: LaneHead,
        _ lane: LaneLease,
        _ view: LaneView,
        _ sources: [MediaSource],
        _ links: [DownloadLink]
    ) async throws -> Course {
        guard let attempt = try await lanes.begin(step, head, progress: planned.progress, lane) else { return .goOn }
        Failpoint.reach("delivery.step_begun")
        let call = planned.call(for: step, sources: sources, links: links)
        let answer = await telegram.call(call, timeout: Self.timeout(of: call))
        Failpoint.reach("delivery.step_answered")
        if step.needsMedia { Failpoint.reach("delivery.media_answered") }
        log.debug(
            "a step was answered",
            [.chatID: .personal(lane.chatID), .operation: .string(step.rawValue), .reason: .string(answer.label)]
        )
        var message = planned
        let verdict = message.settle(step, answer)
        if message.progress.repeats > planned.progress.repeats { metrics.repeats.increment(step.rawValue) }
        let isTaken = verdict == .next && (answer == .notModified || answer.label == "ok")
        let course = try await conclude(head, attempt, message, verdict, endsBlock: isTaken && view.isBlocked)
        if step.needsMedia { await noteFiles(answer, planned, sources) }
        return course
    }

    /// Stores the verdict with its consequences.
    ///
    /// - Parameter endsBlock: Whether Telegram has taken something for a chat that was held to be blocked.
    private func conclude(
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
        try await persist {
            try await lanes.settle(head, attempt: attempt, progress: message.progress, record)
        }
        if case .moved(let chat) = verdict {
            try await chats.move(message.chatID, to: chat)
            course = .letGo(at: nil)
        }
        count(head, record)
        return course
    }

    /// Repeats a write through a short outage of the database: what Telegram has answered must not be forgotten. The
    /// write counts once, because it names its attempt.
    private func persist(_ write: () async throws -> Void) async throws {
        var attempt = 1
        while true {
            do {
                return try await write()
            } catch let error as PostgresError where error.isRetryable && attempt < Self.maximumWrites {
                try await loop.sleep(for: Self.writeBackoff.delay(attempt: attempt))
                attempt += 1
            }
        }
    }

    /// Keeps the store of file ids in step with an answer; losing that only costs an upload.
    private func noteFiles(_ answer: TelegramAnswer, _ message: OutgoingMessage, _ sources: [MediaSource]) async {
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
    private func postpone(
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

    /// 15 seconds, and for uploads as long as a slow line of 1 Mbit/s needs, at most three minutes.
    private static func timeout(of call: TelegramCall) -> Duration {
        let bytes = call.uploads.reduce(Int64(0)) { sum, upload in
            let attributes = try? FileManager.default.attributesOfItem(atPath: upload.path)
            // A size that can't be read only makes the timeout shorter.
            return sum + ((attributes?[.size] as? NSNumber)?.int64Value ?? 0)
        }
        return min(.seconds(15) + .milliseconds(bytes / 125), .seconds(180))
    }

    /// Runs a step to its end even if the process is being stopped meanwhile: breaking off a call that Telegram is
    /// working on would turn an ordinary stop into an unknown outcome.
    private func shielded<Value: Sendable>(
        _ step: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        // Unstructured on purpose: cancellation must not reach it. It is awaited right here.
        try await Task(executorPreference: loop) { try await step() }.value
    }
}
