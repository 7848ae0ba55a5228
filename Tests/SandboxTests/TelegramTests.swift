import Contracts
import ProofKit
import Testing

@testable import Sandbox

@Suite struct ReplyMarkupTests {
    private func keyboard(_ button: JSONValue) -> JSONValue { ["inline_keyboard": [[button]]] }

    @Test func `64 bytes of data are allowed and 65 are not, whatever the letters`() throws {
        let fits: [String] = ["a", String(repeating: "a", count: 64), String(repeating: "я", count: 32)]
        for data in fits {
            #expect(throws: Never.self) {
                try ReplyMarkup.check(keyboard(["text": "x", "callback_data": .string(data)]))
            }
        }
        for data in ["", String(repeating: "a", count: 65), String(repeating: "я", count: 32) + "a"] {
            #expect(throws: TelegramError.bad("BUTTON_DATA_INVALID")) {
                try ReplyMarkup.check(keyboard(["text": "x", "callback_data": .string(data)]))
            }
        }
    }

    @Test(
        arguments: [
            ["text": "x"], ["text": "", "callback_data": "a"], ["callback_data": "a"],
            ["text": "x", "callback_data": "a", "url": "https://x.y"],
            ["text": "x", "url": "x.y"], ["text": "x", "url": "javascript:alert(1)"],
            ["text": "x", "copy_text": ["text": ""]],
            ["text": "x", "pay": true], ["text": "x", "callback_data": "a", "style": "red"],
        ] as [JSONValue]
    )
    func `a wrong button is refused`(button: JSONValue) {
        #expect(throws: TelegramError.self) { try ReplyMarkup.check(keyboard(button)) }
    }

    @Test func `rows have at most 8 buttons and keyboards at most 100`() throws {
        let button: JSONValue = ["text": "x", "callback_data": "a"]
        let row = JSONValue.array(Array(repeating: button, count: 8))
        #expect(throws: Never.self) {
            try ReplyMarkup.check(["inline_keyboard": .array(Array(repeating: row, count: 12))])
        }
        #expect(throws: TelegramError.self) {
            try ReplyMarkup.check(["inline_keyboard": .array(Array(repeating: row, count: 13))])
        }
        #expect(throws: TelegramError.self) {
            try ReplyMarkup.check(["inline_keyboard": [.array(Array(repeating: button, count: 9))]])
        }
    }
}

@Suite struct RateRulesTests {
    @Test func `a private chat takes a short burst, then one a second`() throws {
        var rules = RateRules()
        for _ in 0..<6 { try rules.admit(chat: 1, at: 100) }
        let error = #expect(throws: TelegramError.self) { try rules.admit(chat: 1, at: 100) }
        #expect(error?.code == 429)
        #expect(error?.retryAfter == 1)
        #expect(throws: Never.self) { try rules.admit(chat: 2, at: 100) }
        #expect(throws: Never.self) { try rules.admit(chat: 1, at: 101) }
        #expect(throws: TelegramError.self) { try rules.admit(chat: 1, at: 101) }
    }

    @Test func `a group takes twenty a minute`() throws {
        var rules = RateRules()
        for _ in 0..<20 { try rules.admit(chat: -1, at: 0) }
        let error = #expect(throws: TelegramError.self) { try rules.admit(chat: -1, at: 1) }
        #expect(error?.retryAfter == 2)
    }

    @Test func `the bot as a whole sends thirty a second, and a refused call costs nothing`() throws {
        var rules = RateRules()
        for chat in 1...30 { try rules.admit(chat: Int64(chat), at: 0) }
        for _ in 0..<100 { #expect(throws: TelegramError.self) { try rules.admit(chat: 99, at: 0) } }
        #expect(throws: Never.self) { try rules.admit(chat: 99, at: 0.05) }
    }
}

@Suite struct UpdateQueueTests {
    private func item(_ id: Int64, lane: String = "chat 1", expiresAt: Int64 = .max) -> UpdateQueue.Item {
        UpdateQueue.Item(id: id, kind: "message", lane: lane, body: "{}", expiresAt: expiresAt)
    }

    private func ids(_ queue: inout UpdateQueue, at now: Int64, connections: Int = 40) -> [Int64] {
        queue.next(at: now, connections: connections).send.map(\.id)
    }

    @Test func `within a chat the next update waits for the answer to the one before`() {
        var queue = UpdateQueue(items: [item(2), item(1), item(3, lane: "chat 2")])
        #expect(ids(&queue, at: 0) == [1, 3])
        #expect(ids(&queue, at: 0) == [])
        _ = queue.answered(1, .accepted, at: 1, random: 0)
        #expect(ids(&queue, at: 1) == [2])
    }

    @Test func `a failed update is tried at once, then after 2, 4 … 64 seconds, and blocks its chat`() {
        var queue = UpdateQueue(items: [item(1), item(2)])
        var now: Int64 = 0
        for pause in [0, 2, 4, 8, 16, 32, 64] as [Int64] {
            #expect(ids(&queue, at: now) == [1])
            let isDone = queue.answered(1, .refused(retryAfter: nil), at: now, random: 0.5)
            #expect(!isDone)
            if pause > 0 { #expect(ids(&queue, at: now + pause * 1_000 - 1) == []) }
            let expected = now + pause * 1_000
            #expect(queue.nextTime(at: now) == expected)
            now += pause * 1_000
        }
        #expect(UpdateQueue.pause(afterAttempt: 8, random: 0.5) == 90_000)
    }

    @Test func `the bot's Retry-After is honoured up to an hour`() {
        var queue = UpdateQueue(items: [item(1)])
        _ = ids(&queue, at: 0)
        _ = queue.answered(1, .refused(retryAfter: 7), at: 0, random: 0)
        #expect(queue.nextTime(at: 0) == 7_000)
        _ = ids(&queue, at: 7_000)
        _ = queue.answered(1, .refused(retryAfter: 100_000), at: 7_000, random: 0)
        #expect(queue.nextTime(at: 7_000) == 3_607_000)
    }

    @Test func `an expired update is dropped and frees its chat`() {
        var queue = UpdateQueue(items: [item(1, expiresAt: 10), item(2)])
        _ = ids(&queue, at: 0)
        _ = queue.answered(1, .refused(retryAfter: 5), at: 0, random: 0)
        let (send, expired) = queue.next(at: 11, connections: 40)
        #expect(expired == [1])
        #expect(send.map(\.id) == [2])
    }

    @Test func `an unreachable bot is probed with one connection every two seconds`() {
        var queue = UpdateQueue(items: (1...5).map { item($0, lane: "chat \($0)") })
        #expect(ids(&queue, at: 20_000).count == 5)
        for id in 1...5 { _ = queue.answered(Int64(id), .unreachable, at: 20_000, random: 0) }
        #expect(ids(&queue, at: 20_000).count == 1)
        #expect(ids(&queue, at: 20_001).isEmpty)
        _ = queue.answered(1, .unreachable, at: 20_001, random: 0)
        #expect(ids(&queue, at: 21_999).isEmpty)
        let probe = ids(&queue, at: 22_000)
        #expect(probe.count == 1)
        _ = queue.answered(probe[0], .accepted, at: 22_001, random: 0)
        #expect(ids(&queue, at: 22_001).count >= 3, "one success opens all connections again")
    }

    @Test func `a new webhook forgets the pauses, but not what is under way`() {
        var queue = UpdateQueue(items: [item(1), item(2, lane: "chat 2")])
        #expect(ids(&queue, at: 20_000).count == 2)
        _ = queue.answered(1, .unreachable, at: 20_000, random: 0)
        #expect(ids(&queue, at: 20_001).isEmpty, "the one connection of an unreachable bot is taken by update 2")
        queue.startOver()
        #expect(ids(&queue, at: 20_001) == [1])
        #expect(queue.count == 2)
    }

    @Test func `connections are not exceeded`() {
        var queue = UpdateQueue(items: (1...10).map { item($0, lane: "chat \($0)") })
        #expect(ids(&queue, at: 0, connections: 3) == [1, 2, 3])
        #expect(ids(&queue, at: 0, connections: 3) == [])
    }

    @Test func `a full queue loses updates`() {
        var queue = UpdateQueue()
        let accepted = (0..<Int64(UpdateQueue.capacity)).map { queue.enqueue(item($0)) }
        #expect(accepted.allSatisfy { $0 })
        let isAccepted = queue.enqueue(item(-1))
        #expect(!isAccepted)
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `whatever answers come, each chat sees its updates in order and none twice at once`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = UpdateQueue(items: (1...60).map { item($0, lane: "chat \($0 % 7)") })
        var flying: [UpdateQueue.Item] = []
        var seen: [String: Int64] = [:]
        var now: Int64 = 0
        while queue.count > 0 && now < 10_000_000_000 {
            let (send, _) = queue.next(at: now, connections: 5)
            #expect(flying.count + send.count <= 5)
            for item in send { #expect(!flying.contains { $0.lane == item.lane }, "seed \(seed)") }
            flying += send
            if let place = flying.indices.randomElement(using: &random) {
                let item = flying.remove(at: place)
                let outcome: UpdateQueue.Outcome =
                    [.accepted, .accepted, .refused(retryAfter: nil), .refused(retryAfter: 3), .unreachable]
                    .randomElement(using: &random) ?? .accepted
                if queue.answered(item.id, outcome, at: now, random: 0.5) {
                    #expect(seen[item.lane, default: 0] < item.id, "seed \(seed)")
                    seen[item.lane] = item.id
                }
            } else {
                now = max(now + 1, queue.nextTime(at: now) ?? now)
            }
        }
        #expect(queue.count == 0, "seed \(seed)")
    }
}
