internal import Concurrency
internal import Contracts
package import EventLoop
internal import Foundation
internal import ServiceKit
package import Telemetry
package import Time

/// Sends what waits in one chat, message by message, step by step.
///
/// Each step is: get the bytes ready, wait for the paces, record that the call begins, call, record the answer. A crash
/// anywhere leaves a row from which the next holder of the lane knows what may have happened.
package struct LaneSender: Sendable {
    let lanes: LaneStore
    let chats: ChatStore
    let media: MediaFetcher
    private let telegram: TelegramClient
    let pacer: BotPacer
    let loop: EventLoop
    let clock: WallClock
    let metrics: DeliveryMetrics
    let log: Log
    let flood = Locked(FloodWatch())

    /// A lane that has to wait longer for its pace is let go meanwhile.
    private static let longestPaceWait = Duration.seconds(2)

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
    enum Course {
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
