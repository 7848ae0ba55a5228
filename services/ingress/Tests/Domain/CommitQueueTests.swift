import Testing
import Time

@testable import IngressService

@Suite struct `The queue of commits` {
    private static func arrival(_ chat: Int64) -> Arrival {
        let body = #"{"update_id":\#(chat),"message":{"chat":{"id":\#(chat),"type":"private"},"text":"hi"}}"#
        return Reading.telegram(bot: "main", body: Array(body.utf8), at: Timestamp(seconds: 0), trace: nil).0
    }

    /// Tickets of these chats, in their order.
    private func tickets(_ chats: [Int64]) -> [CommitTicket] {
        chats.map { CommitTicket(Self.arrival($0)) { _ in } }
    }

    private func lanes(_ flight: CommitFlight?) -> [String]? { flight?.batch.map(\.arrival.lane) }

    private func queue(_ tickets: ArraySlice<CommitTicket>, isDiskSlow: Bool) -> CommitQueue {
        var queue = CommitQueue()
        if isDiskSlow { for _ in 0..<64 { queue.pace.note(work: 0.0005, flight: 0.003) } }
        for ticket in tickets { queue.append(ticket) }
        return queue
    }

    private static let success = CommitFlight.Outcome.success(EventStore.Accepted(stored: [], mine: [], handed: []))

    @Test func `has one flight in the air on a quick disk, and lands it before the next one leaves`() throws {
        let tickets = tickets([1, 2, 3, 4])
        var queue = queue(tickets[...1], isDiskSlow: false)
        let taken = queue.takeFlight(512, behind: [])
        let flight = try #require(taken)
        #expect(flight.batch.count == 2)
        for ticket in tickets[2...] { queue.append(ticket) }
        #expect(!queue.isWorthFlight || queue.takeFlight(512, behind: [flight]) == nil)
        flight.end(Self.success)
        #expect(queue.takeFlight(512, behind: [flight]) == nil)
        #expect(lanes(queue.takeFlight(512, behind: [])) == ["chat:main:3", "chat:main:4"])
        #expect(queue.started == 2)
    }

    @Test func `lets a second one leave on a slow disk that is no smaller, but no third one`() throws {
        let tickets = tickets([1, 2, 3, 4, 5, 6])
        var queue = queue(tickets[...1], isDiskSlow: true)
        let takenFirst = queue.takeFlight(512, behind: [])
        let first = try #require(takenFirst)
        queue.append(tickets[2])
        #expect(queue.takeFlight(512, behind: [first]) == nil)
        #expect(!queue.isWorthFlight)
        queue.append(tickets[3])
        #expect(queue.isWorthFlight)
        let takenSecond = queue.takeFlight(512, behind: [first])
        let second = try #require(takenSecond)
        #expect(lanes(second) == ["chat:main:3", "chat:main:4"])
        for ticket in tickets[4...] { queue.append(ticket) }
        #expect(queue.takeFlight(512, behind: [first, second]) == nil)
        // The second one has ended before the first: it waits, but its place in the air is free.
        second.end(Self.success)
        #expect(lanes(queue.takeFlight(512, behind: [first, second])) == ["chat:main:5", "chat:main:6"])
    }

    @Test func `gives each of two flights less than a whole batch, and finds a quarter of one worth the second`() throws
    {
        let tickets = tickets(Array(1...8))
        var queue = queue(tickets[...6], isDiskSlow: true)
        let takenFirst = queue.takeFlight(8, behind: [])
        let first = try #require(takenFirst)
        #expect(first.batch.count == 6)
        #expect(queue.takeFlight(8, behind: [first]) == nil)
        queue.append(tickets[7])
        #expect(queue.isWorthFlight)
        #expect(lanes(queue.takeFlight(8, behind: [first])) == ["chat:main:7", "chat:main:8"])
    }

    @Test func `keeps events whose lane is in the air for a later flight, in their order`() throws {
        let tickets = tickets([1, 1, 2, 1])
        var queue = queue(tickets[...0], isDiskSlow: true)
        let takenFirst = queue.takeFlight(512, behind: [])
        let first = try #require(takenFirst)
        for ticket in tickets[1...] { queue.append(ticket) }
        let takenSecond = queue.takeFlight(512, behind: [first])
        let second = try #require(takenSecond)
        #expect(lanes(second) == ["chat:main:2"])
        first.end(Self.success)
        second.end(Self.success)
        #expect(lanes(queue.takeFlight(1, behind: [first, second])) == ["chat:main:1"])
        #expect(queue.count == 1)
    }

    @Test func `takes no empty flight where all that waits is in the air`() throws {
        let tickets = tickets([1, 1])
        var queue = queue(tickets[...0], isDiskSlow: true)
        let takenFirst = queue.takeFlight(512, behind: [])
        let first = try #require(takenFirst)
        queue.append(tickets[1])
        #expect(queue.takeFlight(512, behind: [first]) == nil)
        #expect(queue.started == 1)
    }

    @Test func `looks at flights that are alone in the air, until it knows the disk`() {
        let tickets = tickets([1, 2])
        var queue = queue(tickets[...0], isDiskSlow: false)
        #expect(queue.takeFlight(512, behind: [])?.isLook == true)
        queue = self.queue(tickets[...0], isDiskSlow: true)
        #expect(queue.takeFlight(512, behind: [])?.isLook == false)
    }

    @Test func `answers what is known to be committed, refuses what has no room, and says when a flight is worth it`() {
        var queue = CommitQueue()
        queue.known.insert(1, of: "main")
        #expect(queue.admit(Self.arrival(1), room: .init(arrivals: 1, bytes: 1_000)) { _ in } == .known)
        #expect(
            queue.admit(Self.arrival(2), room: .init(arrivals: 1, bytes: 1_000)) { _ in } == .waits(isWorthFlight: true)
        )
        #expect(queue.admit(Self.arrival(3), room: .init(arrivals: 1, bytes: 1_000)) { _ in } == .full)
        #expect(queue.count == 1)
    }
}
