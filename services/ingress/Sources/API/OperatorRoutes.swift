internal import Contracts
internal import ServiceKit

/// What the operator can see and do about stored events.
struct OperatorRoutes: Sendable {
    /// Events of a page.
    static let pageEvents = 1...500
    static let defaultPageEvents = 50
    /// Dead letters that one call replays.
    static let replayedEvents = 1...1_000

    let queries: EventQueries
    let deadLetters: DeadLetters
    /// The names of the configured bots.
    let bots: [String]

    func register(on routes: inout Routes) {
        routes.serve(ListEvents.self) { _, call -> ListEvents.Output in try await list(call.parameters) }
        routes.serve(GetEvent.self) { _, call -> GetEvent.Output in
            try await find(call.parameters.eventID, withBody: call.parameters.withBody ?? false)
        }
        routes.serve(ReplayEvent.self) { _, call -> Answer<EventRecord> in try await replay(call) }
        routes.serve(ReplayDeadLetters.self) { input, call -> Answer<ReplayDeadLetters.Output> in
            try await replay(input, call)
        }
    }

    private func list(_ wanted: ListEvents.Parameters) async throws -> ListEvents.Output {
        let limit = wanted.limit ?? Self.defaultPageEvents
        guard Self.pageEvents.contains(limit) else { throw Problem(.malformedRequest, "limit is not within 1...500") }
        let filter = EventFilter(
            source: wanted.source,
            lane: wanted.lane,
            chatID: wanted.chatID,
            since: wanted.since,
            until: wanted.until,
            bots: bots
        )
        let page = try await queries.page(filter, state: wanted.state, before: wanted.before, limit: limit)
        return ListEvents.Output(events: page.events, nextBefore: page.nextBefore)
    }

    private func find(_ id: Int64, withBody: Bool = false) async throws -> GetEvent.Output {
        guard let found = try await queries.event(id, withBody: withBody) else {
            throw Problem(.eventNotFound, "no event has this id")
        }
        return found
    }

    private func replay(_ call: Call<ReplayEvent>) async throws -> Answer<EventRecord> {
        let id = call.parameters.eventID
        let before = try await find(id).event
        guard before.state != .malformed else {
            throw Problem(.eventNotReplayable, "no consumer can take a body that could not be decoded")
        }
        let done = try await deadLetters.once(key: call.idempotencyKey, fingerprint: call.fingerprint) { transaction in
            try await deadLetters.revive(id, in: transaction)
            var record = before
            if before.state == .dead {
                record.state = .waiting
                record.attempts = 0
                record.error = nil
            }
            return record
        }
        return done.isReplayed ? .replayed(done.output) : .fresh(done.output)
    }

    private func replay(
        _ input: ReplayDeadLetters.Input,
        _ call: Call<ReplayDeadLetters>
    ) async throws -> Answer<ReplayDeadLetters.Output> {
        let limit = input.limit ?? Self.replayedEvents.upperBound
        guard Self.replayedEvents.contains(limit) else {
            throw Problem(.malformedRequest, "limit is not within 1...1000")
        }
        let filter = EventFilter(
            source: input.source,
            lane: input.lane,
            chatID: input.chatID,
            since: input.since,
            until: input.until,
            bots: bots
        )
        let done = try await deadLetters.once(key: call.idempotencyKey, fingerprint: call.fingerprint) { transaction in
            let count = try await deadLetters.revive(
                filter,
                error: input.error,
                diedBefore: input.diedBefore,
                limit: limit,
                in: transaction
            )
            return ReplayDeadLetters.Output(replayed: count, hasMore: count == limit)
        }
        return done.isReplayed ? .replayed(done.output) : .fresh(done.output)
    }
}
