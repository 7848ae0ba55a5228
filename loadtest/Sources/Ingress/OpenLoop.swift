internal import EventLoop
internal import LoadtestKit
internal import LocalSystem
internal import Time

/// The updates that updates.lua makes.
enum BenchUpdate {
    static func bytes(_ id: Int) -> [UInt8] {
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

/// Posts updates at a fixed rate whatever the answers do, and measures each from the moment at which it was due: a server
/// that stands still for a second is charged for all that should have been sent in it.
struct OpenLoop: Sendable {
    /// Telegram's own most is 100; enough that a post hardly ever waits for a connection.
    private static let connections = 256

    let port: Int
    let secret: String
    let perSecond: Int
    let seconds: Int
    let firstID: Int
    let loop: EventLoop

    /// Returns when every request is answered.
    func run() async throws -> PostResult {
        try await loop.run { [self] in
            let posts = try Posts<HTTP1Posts>(port: port, secret: secret, connections: Self.connections, loop: loop)
            defer { posts.close() }
            let began = Deadline.monotonicNow()
            let interval = 1_000_000_000 / UInt64(perSecond)
            var sent = 0
            while sent < perSecond * seconds, posts.failure == nil {
                let now = Deadline.monotonicNow()
                while sent < perSecond * seconds, began + UInt64(sent) * interval <= now {
                    posts.post(BenchUpdate.bytes(firstID + sent), due: began + UInt64(sent) * interval)
                    sent += 1
                }
                // A millisecond late at most, which counts as the server's.
                try await loop.sleep(for: .milliseconds(1))
            }
            let end = Deadline.monotonicNow() + 10_000_000_000
            while posts.underWay > 0, posts.failure == nil, Deadline.monotonicNow() < end {
                try await loop.sleep(for: .milliseconds(1))
            }
            if let failure = posts.failure { throw failure }
            return posts.result
        }
    }
}

/// Posts unique updates over HTTP/2, each stream the next one when it has its answer; one update in ten is sent twice.
struct HTTP2Loop: Sendable {
    static let connections = 8

    let port: Int
    let secret: String
    let seconds: Int
    let firstID: Int
    let loop: EventLoop

    func run() async throws -> PostResult {
        try await loop.run { [self] in
            let posts = try Posts<HTTP2Posts>(port: port, secret: secret, connections: Self.connections, loop: loop)
            defer { posts.close() }
            let end = Deadline.monotonicNow() + UInt64(seconds) * 1_000_000_000
            var sent = 0
            func next() {
                let now = Deadline.monotonicNow()
                guard now < end else { return }
                sent += 1
                // A repeat comes late enough that the first one has been answered.
                let id = sent % 10 == 0 ? max(sent - 5_001, 1) : sent
                posts.post(BenchUpdate.bytes(firstID + id), due: now)
            }
            posts.onAnswer = { next() }
            for _ in 0..<(Self.connections * HTTP2Posts.streams) { next() }
            while Deadline.monotonicNow() < end || posts.underWay > 0, posts.failure == nil {
                try await loop.sleep(for: .milliseconds(5))
            }
            posts.onAnswer = nil
            if let failure = posts.failure { throw failure }
            return posts.result
        }
    }
}
