internal import Concurrency
internal import EventLoop
internal import HTTP
internal import HTTPClient
internal import LoadtestKit
internal import Telemetry
internal import Time

/// Posts updates at a fixed rate whatever the answers do, and measures each from the moment at which it was due: a server
/// that stands still for a second is charged for all that should have been sent in it.
struct OpenLoop: Sendable {
    struct Result: Sendable {
        var latencies = LatencyRecorder()
        /// Answered 200.
        var acknowledged = 0
        var refused = 0
    }

    let url: String
    let secret: String
    let perSecond: Int
    let seconds: Int
    let firstID: Int
    let loop: EventLoop

    /// Returns when every request is answered.
    func run() async throws -> Result {
        let client = HTTPClient(
            loop: loop,
            metrics: Metrics(service: "bench"),
            log: Log(service: "bench", level: .error)
        )
        let result = Locked(Result())
        let began = Deadline.monotonicNow()
        let interval = 1_000_000_000 / UInt64(perSecond)
        await withDiscardingTaskGroup { group in
            var sent = 0
            while sent < perSecond * seconds {
                let now = Deadline.monotonicNow()
                while sent < perSecond * seconds, began + UInt64(sent) * interval <= now {
                    let (id, due) = (firstID + sent, began + UInt64(sent) * interval)
                    group.addTask { await post(id, due: due, client, result) }
                    sent += 1
                }
                // Half a millisecond late at most, which counts as the server's.
                try? await loop.sleep(for: .microseconds(500))
            }
        }
        await client.shutdown()
        return result.withLock { $0 }
    }

    private func post(_ id: Int, due: UInt64, _ client: HTTPClient, _ result: Locked<Result>) async {
        let request = ClientRequest(
            method: .post,
            url: url,
            fields: ["X-Telegram-Bot-Api-Secret-Token": secret, "Content-Type": "application/json"],
            body: .bytes(Self.update(id)),
            timeout: .seconds(10)
        )
        // A failure counts as refused below.
        let status = (try? await client.send(request))?.status
        let latency = Duration.nanoseconds(Int64(Deadline.monotonicNow() - due))
        result.withLock { result in
            result.latencies.record(latency)
            if status == 200 { result.acknowledged += 1 } else { result.refused += 1 }
        }
    }

    /// The same update as updates.lua makes.
    private static func update(_ id: Int) -> [UInt8] {
        let chat = 700_000_000 + id % 8_192 * 7_919
        return Array(
            """
            {"update_id":\(id),"message":{"message_id":4711,"from":{"id":\(chat),"is_bot":false,"first_name":"Анна",\
            "username":"anna\(chat)","language_code":"ru"},"chat":{"id":\(chat),"first_name":"Анна",\
            "username":"anna\(chat)","type":"private"},"date":1790000000,"text":"Нарисуй рыжего кота в шляпе, акварель"}}
            """.utf8
        )
    }
}
