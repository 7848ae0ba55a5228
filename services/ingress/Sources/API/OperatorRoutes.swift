internal import Contracts
internal import ServiceKit

/// What the operator can see and do about stored events.
struct OperatorRoutes: Sendable {
    let queries: EventQueries

    func register(on routes: inout Routes) {
        routes.serve(ListEvents.self) { _, call -> ListEvents.Output in
            let events = try await queries.list(call.parameters)
            let isFull = events.count >= min(max(call.parameters.limit ?? 50, 1), 500)
            return ListEvents.Output(events: events, nextBefore: isFull ? events.last?.id : nil)
        }
        routes.serve(ReplayEvent.self) { _, call -> EventRecord in
            // Reviving is naturally idempotent: a second call finds no dead letter, and says so.
            guard let record = try await queries.revive(call.parameters.eventID) else {
                throw Problem(.eventNotFound, "there is no dead letter with this id")
            }
            return record
        }
    }
}
