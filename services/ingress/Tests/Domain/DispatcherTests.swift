import Contracts
import ProofKit
import Testing
import Time

@testable import IngressService

private func event(_ id: Int64, _ lane: String = "chat:1") -> Event {
    Event(
        id: id,
        source: .telegram,
        kind: "message",
        lane: lane,
        receivedAt: Timestamp(seconds: 0),
        body: "{}"
    )
}

private func ok(_ batch: Dispatcher.Batch) -> [EventVerdict] {
    batch.events.map { EventVerdict(id: $0.id, verdict: .ok) }
}

private func next(_ dispatcher: inout Dispatcher, _ now: Timestamp) throws -> Dispatcher.Batch {
    let batch = dispatcher.nextBatch(for: .conversation, now: now)
    return try #require(batch)
}

private func expectNothing(
    _ dispatcher: inout Dispatcher,
    _ now: Timestamp,
    location: SourceLocation = #_sourceLocation
) {
    let batch = dispatcher.nextBatch(for: .conversation, now: now)
    #expect(batch == nil, sourceLocation: location)
}

@Suite struct `The dispatcher` {
    let start = Timestamp(seconds: 1_000)

    @Test func `sends one event of a lane at a time, in order`() throws {
        var dispatcher = Dispatcher()
        for id in [1, 2, 3] as [Int64] { dispatcher.offer(event(id), slot: 0) }
        for expected in [1, 2, 3] as [Int64] {
            let batch = try next(&dispatcher, start)
            #expect(batch.events.map(\.id) == [expected])
            expectNothing(&dispatcher, start)
            let completions = dispatcher.finish(batch, ok(batch), now: start)
            #expect(completions == [.done(id: expected, slot: 0)])
        }
        #expect(dispatcher.eventCount == 0)
    }

    @Test func `puts many lanes into one call and keeps to its limits`() {
        var dispatcher = Dispatcher(limits: .init(batchEvents: 4, callsPerConsumer: 2))
        for id in 1...20 { dispatcher.offer(event(Int64(id), "chat:\(id)"), slot: 0) }
        let first = dispatcher.nextBatch(for: .conversation, now: start)
        let second = dispatcher.nextBatch(for: .conversation, now: start)
        #expect(first?.events.count == 4)
        #expect(second?.events.count == 4)
        expectNothing(&dispatcher, start)
    }

    @Test func `keeps consumers apart`() {
        var dispatcher = Dispatcher(limits: .init(callsPerConsumer: 1))
        dispatcher.offer(event(1, "chat:1"), slot: 0)
        dispatcher.offer(event(2, "pay:1"), slot: 0)
        let talk = dispatcher.nextBatch(for: .conversation, now: start)
        let money = dispatcher.nextBatch(for: .payments, now: start)
        #expect(talk?.events.map(\.id) == [1])
        #expect(money?.events.map(\.id) == [2])
    }

    @Test func `lets the lane wait while its head is tried again, and no other`() throws {
        var dispatcher = Dispatcher()
        dispatcher.offer(event(1, "chat:1"), slot: 0)
        dispatcher.offer(event(2, "chat:1"), slot: 0)
        dispatcher.offer(event(3, "chat:2"), slot: 0)
        let batch = try next(&dispatcher, start)
        let verdicts = [
            EventVerdict(id: 1, verdict: .retry, retryAfterMs: 2_000), EventVerdict(id: 3, verdict: .ok),
        ]
        let until = start + .seconds(2)
        let completions = dispatcher.finish(batch, verdicts, now: start)
        #expect(
            completions == [
                .parked(id: 1, slot: 0, attempts: 1, at: until, error: "no verdict"),
                .done(id: 3, slot: 0),
            ]
        )
        let wakes = dispatcher.wake(now: start)
        #expect(wakes == until)
        expectNothing(&dispatcher, start)
        _ = dispatcher.wake(now: until)
        let again = try next(&dispatcher, until)
        #expect(again.events.map(\.id) == [1])
        #expect(again.events[0].attempt == 2)
    }

    @Test func `gives up after the limit and lets the lane go on`() throws {
        var dispatcher = Dispatcher(limits: .init(attempts: 3))
        dispatcher.offer(event(1), slot: 7)
        dispatcher.offer(event(2), slot: 7)
        var now = start
        var last: [Dispatcher.Completion] = []
        for _ in 1...3 {
            _ = dispatcher.wake(now: now)
            let batch = try next(&dispatcher, now)
            last = dispatcher.finish(batch, [EventVerdict(id: 1, verdict: .retry, reason: "busy")], now: now)
            now = now + .seconds(120)
        }
        #expect(last == [.dead(id: 1, slot: 7, attempts: 3, error: "busy")])
        let after = try next(&dispatcher, now)
        #expect(after.events.map(\.id) == [2])
    }

    @Test func `makes a rejected event a dead letter at once`() throws {
        var dispatcher = Dispatcher()
        dispatcher.offer(event(1), slot: 0)
        let batch = try next(&dispatcher, start)
        let completions = dispatcher.finish(
            batch,
            [EventVerdict(id: 1, verdict: .reject, reason: "never")],
            now: start
        )
        #expect(completions == [.dead(id: 1, slot: 0, attempts: 1, error: "never")])
    }

    @Test func `counts nothing against events whose consumer is away, and asks it one call at a time`() throws {
        var dispatcher = Dispatcher(limits: .init(batchEvents: 1))
        for id in 1...3 { dispatcher.offer(event(Int64(id), "chat:\(id)"), slot: 0) }
        var now = start
        for _ in 1...100 {
            let batch = try next(&dispatcher, now)
            #expect(batch.events[0].attempt == 1)
            let completions = dispatcher.fail(batch, .unreachable, now: now)
            #expect(completions.isEmpty)
            expectNothing(&dispatcher, now)
            now = now + .seconds(2)
        }
        let probe = try next(&dispatcher, now)
        expectNothing(&dispatcher, now)
        // The end of the trial is told; an alarm for a moment that has passed would ring without end meanwhile.
        #expect(dispatcher.wake(now: now) == nil)
        _ = dispatcher.finish(probe, ok(probe), now: now)
        _ = try next(&dispatcher, now)
        _ = try next(&dispatcher, now)
    }

    @Test func `has no room while the bodies in memory are too large, whatever their number`() throws {
        var dispatcher = Dispatcher(limits: .init(eventsInMemory: 5, bytesInMemory: 10))
        var large = event(1)
        large.body = String(repeating: "x", count: 10)
        dispatcher.offer(large, slot: 0)
        #expect(dispatcher.room(for: .conversation) == 0)
        #expect(dispatcher.room(for: .payments) == 5)
        let batch = try next(&dispatcher, start)
        _ = dispatcher.finish(batch, ok(batch), now: start)
        #expect(dispatcher.room(for: .conversation) == 5)
    }

    @Test func `finds the poison of a batch by sending its events alone`() throws {
        var dispatcher = Dispatcher(limits: .init(attempts: 3))
        for id in 1...5 { dispatcher.offer(event(Int64(id), "chat:\(id)"), slot: 0) }
        var now = start
        var done: Set<Int64> = []
        var dead: Set<Int64> = []
        for _ in 0..<200 where done.count + dead.count < 5 {
            now = now + .seconds(70)
            _ = dispatcher.wake(now: now)
            guard let batch = dispatcher.nextBatch(for: .conversation, now: now) else { continue }
            let isBroken = batch.events.contains { $0.id == 3 }
            let completions =
                isBroken
                ? dispatcher.fail(batch, .broken("crash"), now: now) : dispatcher.finish(batch, ok(batch), now: now)
            for case .done(let id, _, _) in completions { done.insert(id) }
            for case .dead(let id, _, _, _) in completions { dead.insert(id) }
        }
        #expect(done == [1, 2, 4, 5])
        #expect(dead == [3])
    }

    @Test func `puts an older event of a lane before newer ones, but never before what is in flight`() throws {
        var dispatcher = Dispatcher()
        dispatcher.offer(event(5), slot: 0)
        let batch = try next(&dispatcher, start)
        dispatcher.offer(event(7), slot: 0)
        dispatcher.offer(event(6), slot: 0)
        dispatcher.offer(event(4), slot: 0)
        _ = dispatcher.finish(batch, ok(batch), now: start)
        var order: [Int64] = []
        while let next = dispatcher.nextBatch(for: .conversation, now: start) {
            order += next.events.map(\.id)
            _ = dispatcher.finish(next, ok(next), now: start)
        }
        #expect(order == [4, 6, 7])
    }

    @Test func `forgets a slot that another instance took`() throws {
        var dispatcher = Dispatcher()
        dispatcher.offer(event(1, "chat:1"), slot: 1)
        dispatcher.offer(event(2, "chat:2"), slot: 2)
        let batch = try next(&dispatcher, start)
        dispatcher.drop(slot: 1)
        #expect(dispatcher.eventCount == 1)
        let completions = dispatcher.finish(batch, ok(batch), now: start)
        #expect(completions == [.done(id: 2, slot: 2)])
        #expect(dispatcher.undone(in: 1).isEmpty)
    }

    @Test func `keeps a lane that came back while an old call of it was under way`() throws {
        var dispatcher = Dispatcher()
        dispatcher.offer(event(1), slot: 1)
        let old = try next(&dispatcher, start)
        dispatcher.drop(slot: 1)
        for id in [1, 2] as [Int64] { dispatcher.offer(event(id), slot: 1) }
        let late = dispatcher.finish(old, ok(old), now: start)
        #expect(late.isEmpty)
        var handled: [Int64] = []
        while let batch = dispatcher.nextBatch(for: .conversation, now: start) {
            handled += batch.events.map(\.id)
            _ = dispatcher.finish(batch, ok(batch), now: start)
        }
        #expect(handled == [1, 2])
    }

    /// Random offers, verdicts, failures, pauses and lost slots; the seed is printed when something is wrong.
    @Test func `loses nothing, doubles nothing and keeps the order of each lane on a random walk`() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var dice = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var dispatcher = Dispatcher(limits: .init(batchEvents: 4, callsPerConsumer: 3, attempts: 4))
            var now = start
            var nextID: Int64 = 0
            var open: [Dispatcher.Batch] = []
            var ended: [Int64: Int] = [:]
            var lastOfLane: [String: Int64] = [:]
            func take(_ completions: [Dispatcher.Completion]) {
                for completion in completions {
                    switch completion {
                    case .done(let id, _, _), .dead(let id, _, _, _): ended[id, default: 0] += 1
                    case .parked: break
                    }
                }
            }
            for step in 0..<300 {
                switch dice.below(6) {
                case 0, 1:
                    guard step < 200 else { break }
                    nextID += 1
                    dispatcher.offer(event(nextID, "chat:\(dice.below(5))"), slot: Int32(dice.below(3)))
                case 2:
                    if let batch = dispatcher.nextBatch(for: .conversation, now: now) {
                        for event in batch.events {
                            #expect(lastOfLane[event.lane, default: 0] <= event.id, "seed \(seed)")
                            #expect(!open.contains { $0.events.contains { $0.lane == event.lane } }, "seed \(seed)")
                            lastOfLane[event.lane] = event.id
                        }
                        open.append(batch)
                    }
                case 3 where !open.isEmpty:
                    let batch = open.remove(at: dice.below(open.count))
                    let verdicts = batch.events.compactMap { event -> EventVerdict? in
                        switch dice.below(5) {
                        case 0: EventVerdict(id: event.id, verdict: .retry)
                        case 1: nil
                        case 2: EventVerdict(id: event.id, verdict: .reject)
                        default: EventVerdict(id: event.id, verdict: .ok)
                        }
                    }
                    take(dispatcher.finish(batch, verdicts, now: now))
                case 4 where !open.isEmpty:
                    let batch = open.remove(at: dice.below(open.count))
                    take(dispatcher.fail(batch, dice.below(2) == 0 ? .unreachable : .broken("x"), now: now))
                default:
                    now = now + .seconds(Int64(dice.below(40)))
                    _ = dispatcher.wake(now: now)
                }
            }
            for batch in open { take(dispatcher.finish(batch, ok(batch), now: now)) }
            for _ in 0..<10_000 where dispatcher.eventCount > 0 {
                now = now + .seconds(70)
                _ = dispatcher.wake(now: now)
                while let batch = dispatcher.nextBatch(for: .conversation, now: now) {
                    take(dispatcher.finish(batch, ok(batch), now: now))
                }
            }
            #expect(ended.count == Int(nextID), "seed \(seed)")
            #expect(ended.values.allSatisfy { $0 == 1 }, "seed \(seed)")
            #expect(dispatcher.eventCount == 0, "seed \(seed)")
        }
    }
}

@Suite struct `The passive notice` {
    private func due(_ notice: inout PassiveNotice, _ id: Int64, _ now: Timestamp) -> Bool {
        notice.isDue(in: PassiveNotice.Chat(bot: "main", id: id), now: now)
    }

    @Test func `comes once a minute in a chat`() {
        var notice = PassiveNotice()
        let now = Timestamp(seconds: 100)
        let answers = [
            due(&notice, 1, now), due(&notice, 1, now + .seconds(59)), due(&notice, 2, now + .seconds(59)),
            due(&notice, 1, now + .seconds(60)),
        ]
        #expect(answers == [true, false, true, true])
    }
}

extension Dispatcher {
    fileprivate mutating func offer(_ event: Event, slot: Int32) { offer(StoredEvent(event, slot: slot)) }
}
