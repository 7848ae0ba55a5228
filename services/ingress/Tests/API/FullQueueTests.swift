import Configuration
import Contracts
import Cryptography
import HTTP
import HTTPClient
import HTTPServer
import Postgres
import ServiceKit
import Telemetry
import TestSupport
import Testing
import Time

@testable import IngressService

/// The public door with room for a few arrivals, and commits that begin only when they are told to.
private struct NarrowDoor: Sendable {
    /// Payments may go a tenth over.
    static let waiting = 20
    static let batchEvents = 5

    let commit: CommitEvents
    let metrics: IngressMetrics
    let port: Int
    private let http: HTTPClient

    /// - Parameter body: Gets the door while it is open; ends with all commits under way.
    static func open(_ body: (NarrowDoor) async throws -> Void) async throws {
        let database = ScratchDatabase.current.database
        let registry = Metrics(service: "ingress")
        let metrics = IngressMetrics(registry)
        let log = MemoryLog().log(service: "ingress")
        let loop = TestLoop.shared
        let http = HTTPClient(loop: loop, configuration: HTTPClientConfiguration(), metrics: registry, log: log)
        let commit = CommitEvents(
            store: EventStore(database: database, instance: "narrow"),
            backlog: BacklogStore(database: database, instance: "narrow"),
            dispatch: Dispatch(limits: Dispatcher.Limits(), clock: .system),
            metrics: metrics,
            log: log,
            limits: CommitEvents.Limits(batchEvents: batchEvents, waiting: .init(arrivals: waiting, bytes: 1 << 20))
        )
        let notices = NoticeStore(database: database)
        let conversation = InternalClient(
            service: .conversation,
            baseURL: "http://127.0.0.1:9",
            token: nil,
            http: http,
            metrics: registry
        )
        let key = Base64URL.encode(Ed25519.PrivateKey().publicKey.bytes)
        let routes = WebhookRoutes(
            configuration: try IngressConfiguration(
                ConfigurationReader(environment: [
                    "ATELIER_TELEGRAM_BOTS": "main=right", "ATELIER_KIE_CALLBACK_PUBLIC_KEY": key,
                    "ATELIER_YOOKASSA_SOURCES": "127.0.0.0/8",
                ])
            ),
            commit: commit,
            notices: Notices(
                watch: WatchConversation(
                    conversation: conversation,
                    notices: notices,
                    loop: loop,
                    metrics: metrics,
                    log: log
                ),
                store: notices,
                clock: .system,
                metrics: metrics,
                log: log
            ),
            clock: .system,
            metrics: metrics
        )
        var router = Router()
        routes.register(on: &router)
        let settings = HTTPServerConfiguration(name: "public")
        let server = HTTPServer(settings, router: router, loop: loop, metrics: registry, log: log)
        let door = NarrowDoor(commit: commit, metrics: metrics, port: try await server.start(), http: http)
        do {
            try await body(door)
        } catch {
            await server.stop(within: .zero)
            await http.shutdown()
            throw error
        }
        await server.stop(within: .zero)
        await http.shutdown()
    }

    func message(_ id: Int64) async throws -> ClientResponse {
        try await telegram(#"{"update_id":\#(id),"message":{"chat":{"id":\#(id),"type":"private"},"text":"a"}}"#)
    }

    func checkout(_ id: Int64) async throws -> ClientResponse {
        try await telegram(#"{"update_id":\#(id),"pre_checkout_query":{"id":"1","from":{"id":\#(id)}}}"#)
    }

    func notification(_ object: String) async throws -> ClientResponse {
        try await post("yookassa", #"{"event":"payment.succeeded","object":{"id":"\#(object)"}}"#)
    }

    private func telegram(_ body: String) async throws -> ClientResponse {
        try await post("telegram/main", body, ["X-Telegram-Bot-Api-Secret-Token": "right"])
    }

    private func post(_ path: String, _ body: String, _ fields: HTTPFields = [:]) async throws -> ClientResponse {
        try await http.send(
            ClientRequest(
                method: .post,
                url: "http://127.0.0.1:\(port)/webhooks/\(path)",
                fields: fields,
                body: .bytes(Array(body.utf8)),
                timeout: .seconds(60)
            )
        )
    }
}

@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct `A queue of commits that is full` {
    private func updates(_ sql: SQL) async throws -> [Int64] {
        try await ScratchDatabase.current.database.query(sql).map { try $0.decode(Int64.self) }
    }

    @Test func `asks senders to come again, while payments have a tenth more room and leave first`() async throws {
        try await NarrowDoor.open { door async throws in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for id in 1...Int64(NarrowDoor.waiting) { group.addTask { try await door.message(id).status } }
                await eventually { door.commit.waitingCount == NarrowDoor.waiting }
                let refused = try await door.message(100)
                #expect(refused.status == 503)
                #expect(refused.fields["Retry-After"] == "1")
                #expect(refused.body.isEmpty)

                group.addTask { try await door.checkout(200).status }
                group.addTask { try await door.notification("a").status }
                await eventually { door.commit.waitingCount == NarrowDoor.waiting + 2 }
                for late in [try await door.checkout(201), try await door.notification("b")] {
                    #expect(late.status == 503)
                    #expect(late.fields["Retry-After"] == "1")
                }
                #expect(door.metrics.received.value("telegram", "shed") == 2)
                #expect(door.metrics.received.value("yookassa", "shed") == 1)
                #expect(try await updates("select id from event").isEmpty, "nobody commits yet")

                let worker = Task { try await door.commit.run() }
                // Everybody who was let in is answered, and none of them before it is stored.
                for try await status in group { #expect(status == 200) }
                #expect(try await door.message(100).status == 200, "there is room again")
                worker.cancel()
                try await worker.value
            }
        }
        let stored = try await updates("select update_id from event where update_id is not null order by 1")
        #expect(stored == Array(1...20) + [100, 200])
        #expect(try await updates("select count(*) from event where lane = 'pay:yookassa:a'") == [1])
        #expect(try await updates("select count(*) from event where lane = 'pay:yookassa:b'") == [0])
        // Ids follow the flights: no more than the rest of the first one may be before a payment.
        let before = try await updates(
            "select count(*) from event where id < (select max(id) from event where lane like 'pay:%')"
        )
        #expect(before[0] < Int64(NarrowDoor.batchEvents))
    }

    @Test func `turns those who wait away when the worker ends, and stores none of them`() async throws {
        try await NarrowDoor.open { door async throws in
            try await withThrowingTaskGroup(of: ClientResponse.self) { group in
                for id in 1...3 as ClosedRange<Int64> { group.addTask { try await door.message(id) } }
                group.addTask { try await door.notification("a") }
                await eventually { door.commit.waitingCount == 4 }
                // As when the service stops just after they came: the worker takes no flight any more.
                let worker = Task {
                    while !Task.isCancelled { await Task.yield() }
                    try await door.commit.run()
                }
                worker.cancel()
                for try await answer in group {
                    #expect(answer.status == 503)
                    #expect(answer.fields["Retry-After"] == "1")
                }
                try await worker.value
            }
            #expect(door.metrics.received.value("telegram", "unavailable") == 3)
            #expect(door.metrics.received.value("yookassa", "unavailable") == 1)
        }
        #expect(try await updates("select id from event").isEmpty)
    }
}
