internal import Contracts
internal import Postgres
internal import Telemetry
internal import Time

/// Takes a batch of Telegram updates from ingress: one of each lane, all at the same time.
struct HandleUpdatesHandler: Sendable {
    let taker: TurnTaker
    let metrics: ConversationMetrics
    let log: Log

    /// How long ingress waits before it sends an item again whose turn could not be stored.
    static let retryAfterMilliseconds: Int64 = 500

    func handle(_ batch: EventBatch) async -> EventVerdicts {
        let verdicts = await withTaskGroup(of: (Int, EventVerdict).self) { group in
            for (index, event) in batch.events.enumerated() {
                group.addTask { (index, await handle(event)) }
            }
            var verdicts = [EventVerdict?](repeating: nil, count: batch.events.count)
            for await (index, verdict) in group { verdicts[index] = verdict }
            return verdicts.compactMap { $0 }
        }
        return EventVerdicts(verdicts: verdicts)
    }

    /// One bad item never fails its neighbours.
    private func handle(_ event: Event) async -> EventVerdict {
        let started = Deadline.monotonicNow()
        let update: Update
        do throws(UndecodableUpdate) {
            update = try Update.decode(event.body, botUsername: taker.house.botUsername)
        } catch {
            metrics.updates.increment(metrics.label(kind: event.kind), "rejected")
            log.warning("update cannot be decoded", [.eventID: .int(event.id), .reason: .string(error.reason)])
            return EventVerdict(id: event.id, verdict: .reject, reason: error.reason)
        }
        let kind = metrics.label(kind: update.kind)
        do {
            let outcome = try await take(update, of: event)
            metrics.updates.increment(kind, outcome.rawValue)
            metrics.updateSeconds.observe(Double(Deadline.monotonicNow() - started) * 1e-9, kind)
            return EventVerdict(id: event.id, verdict: .ok)
        } catch {
            metrics.updates.increment(kind, "failed")
            log.warning("update not stored", [.eventID: .int(event.id), .error: .describing(error)])
            return EventVerdict(
                id: event.id,
                verdict: .retry,
                retryAfterMs: Self.retryAfterMilliseconds,
                reason: "the turn could not be stored"
            )
        }
    }

    private func take(_ update: Update, of event: Event) async throws -> Decision.Outcome {
        guard let (scene, sender) = update.scene else { return .quiet }
        let occasion = TurnTaker.Occasion(
            happening: .update(update),
            scene: scene,
            event: "update-\(event.id)",
            language: Language(tag: sender?.languageCode)
        )
        let trace = event.traceparent.flatMap { TraceContext(traceparent: $0) } ?? TraceContext.current
        return try await TraceContext.$current.withValue(trace) { try await taker.take(occasion) }
    }
}
