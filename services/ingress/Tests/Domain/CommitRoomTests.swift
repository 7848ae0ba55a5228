import Testing
import Time

@testable import IngressService

@Suite struct `The room of the queue of commits` {
    private let now = Timestamp(seconds: 0)

    private func message(_ chat: Int64) -> Arrival {
        let body = #"{"update_id":\#(chat),"message":{"chat":{"id":\#(chat),"type":"private"},"text":"hi"}}"#
        return Reading.telegram(bot: "main", body: Array(body.utf8), at: now, trace: nil).0
    }

    /// Telegram waits ten seconds for the answer to it.
    private func checkout(_ person: Int64) -> Arrival {
        let body = #"{"update_id":\#(person),"pre_checkout_query":{"id":"1","from":{"id":\#(person)}}}"#
        return Reading.telegram(bot: "main", body: Array(body.utf8), at: now, trace: nil).0
    }

    private func notification(_ object: String) -> Arrival {
        let body = #"{"event":"payment.succeeded","object":{"id":"\#(object)"}}"#
        return Reading.yookassa(body: Array(body.utf8), at: now, trace: nil)
    }

    private func queue(_ arrivals: Arrival...) -> CommitQueue {
        var queue = CommitQueue()
        for arrival in arrivals { queue.append(CommitTicket(arrival) { _ in }) }
        return queue
    }

    private func lanes(_ flight: CommitFlight?) -> [String]? { flight?.batch.map(\.arrival.lane) }

    @Test func `payments of both kinds leave first, in their order, and the rest follows in its own`() {
        var queue = queue(message(1), message(2), notification("a"), message(3), checkout(4), notification("b"))
        #expect(
            lanes(queue.takeFlight(4, behind: [])) == ["pay:yookassa:a", "pay:main:4", "pay:yookassa:b", "chat:main:1"]
        )
        #expect(lanes(queue.takeFlight(4, behind: [])) == ["chat:main:2", "chat:main:3"])
        #expect(queue.count == 0)
    }

    @Test func `a flight full of payments leaves the others behind, and no payment is lost`() {
        var queue = queue(message(1), notification("a"), notification("b"), notification("c"))
        #expect(lanes(queue.takeFlight(2, behind: [])) == ["pay:yookassa:a", "pay:yookassa:b"])
        #expect(queue.count == 2)
        #expect(lanes(queue.takeFlight(2, behind: [])) == ["pay:yookassa:c", "chat:main:1"])
    }

    @Test func `a payment whose lane is in the air waits, and what waits behind it does not wait for it`() throws {
        var queue = queue(notification("a"))
        for _ in 0..<64 { queue.pace.note(work: 0.0005, flight: 0.003) }
        let taken = queue.takeFlight(512, behind: [])
        let first = try #require(taken)
        for arrival in [message(1), notification("a"), notification("b")] {
            queue.append(CommitTicket(arrival) { _ in })
        }
        #expect(lanes(queue.takeFlight(512, behind: [first])) == ["pay:yookassa:b", "chat:main:1"])
        #expect(queue.count == 1)
    }

    private func room(_ arrivals: Int, bytes: Int = 1_000_000) -> CommitQueue.Room {
        CommitQueue.Room(arrivals: arrivals, bytes: bytes)
    }

    @Test func `bodies have no more room than their bytes, until a flight takes them`() {
        var queue = CommitQueue()
        let size = message(1).body.count
        #expect(queue.admit(message(1), room: room(9, bytes: 2 * size - 1)) { _ in } == .waits(isWorthFlight: true))
        #expect(queue.admit(message(2), room: room(9, bytes: 2 * size - 1)) { _ in } == .full)
        #expect(queue.takeFlight(2, behind: [])?.batch.count == 1)
        #expect(queue.admit(message(2), room: room(9, bytes: 2 * size - 1)) { _ in } == .waits(isWorthFlight: true))
        #expect(queue.takeAll().count == 1)
        #expect(queue.admit(message(3), room: room(9, bytes: size)) { _ in } == .waits(isWorthFlight: true))
    }

    @Test func `payments take room of all, and all refuse what finds none`() {
        var queue = CommitQueue()
        #expect(queue.admit(notification("a"), room: room(2)) { _ in } == .waits(isWorthFlight: true))
        #expect(queue.admit(message(1), room: room(2)) { _ in } == .waits(isWorthFlight: true))
        #expect(queue.admit(message(2), room: room(2)) { _ in } == .full)
        #expect(queue.admit(notification("b"), room: room(2)) { _ in } == .full)
        #expect(queue.admit(notification("b"), room: room(3)) { _ in } == .waits(isWorthFlight: true))
        // A flight makes room again.
        #expect(lanes(queue.takeFlight(2, behind: [])) == ["pay:yookassa:a", "pay:yookassa:b"])
        #expect(queue.admit(message(2), room: room(2)) { _ in } == .waits(isWorthFlight: true))
        #expect(queue.takeAll().map(\.arrival.lane) == ["chat:main:1", "chat:main:2"])
    }

    @Test func `what is known to be committed is so also where there is no room`() {
        var queue = queue(message(1))
        queue.known.insert(2, of: "main")
        #expect(queue.admit(message(2), room: room(1)) { _ in } == .known)
        #expect(queue.admit(message(3), room: room(1)) { _ in } == .full)
    }
}
