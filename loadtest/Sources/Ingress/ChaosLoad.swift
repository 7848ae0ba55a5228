internal import Concurrency
internal import Contracts
internal import Cryptography
internal import EventLoop
internal import Foundation
internal import HTTP
internal import HTTPClient
internal import LoadtestKit
internal import Telemetry
internal import Time

/// What the outside world posts: chats that send their next update only when the last one was answered 200, as Telegram
/// does, half of all posts being repeats; and now and then a callback of KIE and a notification of YooKassa.
final class ChaosLoad: Sendable {
    /// What was answered 200, in the order of each lane.
    struct Acknowledged: Sendable {
        /// Identities by lane, oldest first.
        var lanes: [String: [String]] = [:]
        var posts = 0
        var repeats = 0
        var answers = 0
        var refusals = 0
        var count: Int { lanes.values.map(\.count).reduce(0, +) }
    }

    private struct Webhook {
        var path: String
        var fields: HTTPFields
        var body: String
        var lane: String
        var identity: String
    }

    private let chats: Int
    private let pause: Duration
    private let doors: [String]
    private let secret: String
    private let callbackKey: Ed25519.PrivateKey
    private let loop: EventLoop
    private let http: HTTPClient
    private let state = Locked((acknowledged: Acknowledged(), nextUpdate: Int64(1_000_000)))

    /// - Parameters:
    ///   - doors: The public addresses of the ingress instances.
    ///   - pause: The mean time that a chat rests between updates.
    init(
        chats: Int,
        pause: Duration,
        doors: [String],
        secret: String,
        callbackKey: Ed25519.PrivateKey,
        loop: EventLoop
    ) {
        self.chats = chats
        self.pause = pause
        self.doors = doors
        self.secret = secret
        self.callbackKey = callbackKey
        self.loop = loop
        self.http = HTTPClient(
            loop: loop,
            metrics: Metrics(service: "chaos"),
            log: Log(service: "chaos", level: .error)
        )
    }

    var acknowledged: Acknowledged { state.withLock { $0.acknowledged } }

    /// Runs until `isOver`; every update that was begun is posted until it is answered 200.
    func run(until isOver: @escaping @Sendable () -> Bool) async {
        await withDiscardingTaskGroup { group in
            for chat in 1...chats {
                group.addTask { [self] in
                    // A cancelled sleep means that everything ends; what was answered is in the books.
                    try? await play(chat: Int64(chat), until: isOver)
                }
            }
        }
    }

    private func play(chat: Int64, until isOver: @Sendable () -> Bool) async throws {
        try await loop.sleep(for: pause * Double.random(in: 0...1))
        var earlier: [Webhook] = []
        while !isOver() {
            let webhook = makeWebhook(chat)
            switch Int.random(in: 0..<20) {
            case 0..<7:
                // Two deliveries of one update at the same moment, often at different instances.
                async let twin: Void = post(webhook, isRepeat: true)
                try await post(webhook)
                try await twin
            default: try await post(webhook)
            }
            note(webhook)
            earlier = earlier.suffix(4) + [webhook]
            for _ in 0..<Self.lateRepeats() {
                if let old = earlier.randomElement() { try await post(old, isRepeat: true) }
            }
            try await loop.sleep(for: pause * Double.random(in: 0...2))
        }
    }

    private static func lateRepeats() -> Int {
        switch Int.random(in: 0..<20) {
        case 0..<5: 1
        case 5..<8: 3
        default: 0
        }
    }

    /// Posts until the answer is 200.
    private func post(_ webhook: Webhook, isRepeat: Bool = false) async throws {
        var isRepeat = isRepeat
        while true {
            let request = ClientRequest(
                method: .post,
                url: (doors.randomElement() ?? "") + webhook.path,
                fields: webhook.fields,
                body: .bytes(Array(webhook.body.utf8)),
                timeout: .seconds(15),
                connectTimeout: .seconds(2)
            )
            let status = (try? await http.send(request))?.status  // No answer is an answer here: it is posted again.
            let wasRepeat = isRepeat
            state.withLock { state in
                state.acknowledged.posts += 1
                if wasRepeat { state.acknowledged.repeats += 1 }
                if status == 200 { state.acknowledged.answers += 1 } else { state.acknowledged.refusals += 1 }
            }
            if status == 200 { return }
            isRepeat = true
            try await loop.sleep(for: .milliseconds(Int64.random(in: 100...700)))
        }
    }

    private func note(_ webhook: Webhook) {
        state.withLock { $0.acknowledged.lanes[webhook.lane, default: []].append(webhook.identity) }
    }

    // MARK: - Webhooks

    private func makeWebhook(_ chat: Int64) -> Webhook {
        switch Int.random(in: 0..<100) {
        case 0..<2: callback()
        case 2..<4: notification()
        default: update(chat)
        }
    }

    private func update(_ chat: Int64) -> Webhook {
        let id = state.withLock { state in
            state.nextUpdate += 1
            return state.nextUpdate
        }
        let place = #""chat":{"id":\#(chat),"type":"private"}"#
        let (lane, what) =
            switch Int.random(in: 0..<20) {
            case 0: ("pay:main:\(chat)", #""pre_checkout_query":{"id":"q\#(id)","from":{"id":\#(chat)}}"#)
            case 1, 2:
                (
                    "chat:main:\(chat)",
                    #""callback_query":{"id":"c","from":{"id":5},"message":{"message_id":1,\#(place)}}"#
                )
            default: ("chat:main:\(chat)", #""message":{"message_id":1,\#(place),"text":"привет"}"#)
            }
        return Webhook(
            path: "/webhooks/telegram/main",
            fields: ["X-Telegram-Bot-Api-Secret-Token": secret, "Content-Type": "application/json"],
            body: #"{"update_id":\#(id),\#(what)}"#,
            lane: lane,
            identity: "telegram:\(id)"
        )
    }

    private func callback() -> Webhook {
        let attempt = UUID()
        let signature = callbackKey.sign(CallbackToken.signedMessage(for: attempt))
        let token = CallbackToken(attempt: attempt, signature: signature).text
        return Webhook(
            path: "/webhooks/kie/\(token)",
            fields: ["Content-Type": "application/json"],
            body: #"{"code":200,"data":{"taskId":"t","state":"success"}}"#,
            lane: "kie:\(attempt.uuidString.lowercased())",
            identity: "kie:\(token)"
        )
    }

    private func notification() -> Webhook {
        let lane = "pay:yookassa:\(UUID().uuidString.lowercased())"
        return Webhook(
            path: "/webhooks/yookassa",
            fields: ["Content-Type": "application/json"],
            body: #"{"event":"payment.succeeded","object":{"id":"\#(lane.dropFirst(13))"}}"#,
            lane: lane,
            identity: "yookassa:\(lane)"
        )
    }
}
