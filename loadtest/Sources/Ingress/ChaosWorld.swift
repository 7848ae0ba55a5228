internal import Contracts
internal import Cryptography
internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem
internal import Postgres
internal import Telemetry
internal import Time

/// The processes of `chaos-ingress` and their two databases.
struct ChaosWorld: Sendable {
    enum Book: String, Sendable {
        case ingress = "atelier_ingress"
        case journal = "chaos_journal"
    }

    let rig: Rig
    let loop: EventLoop
    /// The public addresses of the ingress instances.
    let doors: [String]
    let ingress: [ChaosVictim]
    let consumer: ChaosVictim
    let postgres: ChaosVictim
    private let databases: [Book: Database]

    /// Starts PostgreSQL, the consumer and two instances of ingress.
    static func open(_ loop: EventLoop) async throws -> ChaosWorld {
        let (rig, server) = try await Rig.open("chaos-ingress", loop: loop)
        let consumerPort = try Tool.freePort()
        let journalURL = rig.cluster.placement.url(database: Book.journal.rawValue, user: Cluster.administrator)
        _ = try await rig.psql("create database \(Book.journal.rawValue)")
        _ = try await rig.psql(ChaosConsumer.schema, database: Book.journal.rawValue)

        let startConsumer: @Sendable () async throws -> RunningProcess = {
            try RunningProcess(
                "consumer",
                Command(
                    executable: rig.project.binary("loadtest-ingress"),
                    arguments: ["chaos-consumer", "\(consumerPort)", journalURL],
                    environment: ["ATELIER_STOPS_WITH_INPUT": "1"],
                    output: .file(rig.project.log("consumer"))
                )
            )
        }
        var doors: [String] = []
        var ingress: [ChaosVictim] = []
        let consumer = ChaosVictim("consumer", try await startConsumer(), loop: loop, start: startConsumer)
        for name in ["a", "b"] {
            let door = try Tool.freePort()
            let children = rig.children(ports: [
                ("public", door), ("ingress", try Tool.freePort()), ("conversation", consumerPort),
                ("generation", consumerPort), ("payments", consumerPort),
            ])
            if ingress.isEmpty { try await rig.migrate(.ingress, children) }
            let start: @Sendable () async throws -> RunningProcess = {
                try await rig.start(.ingress, children, instance: "-\(name)", within: .seconds(90))
            }
            doors.append("http://127.0.0.1:\(door)")
            ingress.append(ChaosVictim("ingress_\(name)", try await start(), loop: loop, start: start))
        }
        let postgres = ChaosVictim("postgres", server, loop: loop) { try await rig.startPostgres() }
        return ChaosWorld(
            rig: rig,
            loop: loop,
            doors: doors,
            ingress: ingress,
            consumer: consumer,
            postgres: postgres,
            databases: [.ingress: database(.ingress, rig, loop), .journal: database(.journal, rig, loop)]
        )
    }

    private static func database(_ book: Book, _ rig: Rig, _ loop: EventLoop) -> Database {
        var configuration = DatabaseConfiguration(
            url: rig.cluster.placement.url(database: book.rawValue, user: Cluster.administrator),
            applicationName: "chaos books"
        )
        configuration.statementTimeout = .seconds(60)
        return Database(
            configuration,
            loop: loop,
            metrics: Metrics(service: "chaos"),
            log: Log(service: "chaos", level: .error)
        )
    }

    /// Stops everything.
    func close(keep: Bool) async {
        for database in databases.values { await database.shutdown() }
        for victim in ingress + [consumer, postgres] {
            // A victim that is gone already needs no end.
            try? await victim.end()
        }
        if !keep { rig.removeFolders() }
    }

    var kills: [String: Int] {
        Dictionary(uniqueKeysWithValues: (ingress + [consumer, postgres]).map { ($0.name, $0.kills) })
    }

    func callbackKey() throws -> Ed25519.PrivateKey {
        guard let bytes = Base64URL.decode(rig.credentials["kie.callback_private_key"]),
            let key = Ed25519.PrivateKey(bytes: bytes)
        else { throw OperatorError("The rig has no key for callbacks.", "") }
        return key
    }

    // MARK: - Books

    func count(_ sql: SQL, in book: Book) async throws -> Int {
        Int(try await query(sql, in: book).first?.decode(Int64.self) ?? 0)
    }

    /// Dispatches of events that the consumer had handled already.
    func repeatedDispatches() async throws -> Int {
        try await count(
            "select count(*) - count(distinct event_id) from dispatch where verdict = 'ok'",
            in: .journal
        )
    }

    /// Waits until every stored event has had its effect; what is missing then shows in the books.
    func waitUntilDispatched(within: Duration) async throws {
        let deadline = Deadline.after(within)
        while !deadline.isExpired {
            let stored = try await count("select count(*) from event where not is_malformed", in: .ingress)
            if try await count("select count(*) from effect", in: .journal) >= stored { return }
            try await loop.sleep(for: .milliseconds(500))
        }
    }

    func books(_ acknowledged: [String: [String]]) async throws -> ChaosBooks {
        var books = ChaosBooks(acknowledged: acknowledged, stored: [], effects: [])
        for row in try await query("select id, source, lane, update_id, token from event order by id", in: .ingress) {
            let (id, source, lane, update, token) = try row.decode(
                Int64.self,
                String.self,
                String.self,
                Int64?.self,
                String?.self
            )
            let name = update.map { String($0) } ?? token ?? lane
            books.stored.append(.init(id: id, lane: lane, identity: "\(source):\(name)"))
        }
        for row in try await query("select event_id, lane, identity from effect order by seq", in: .journal) {
            let (id, lane, identity) = try row.decode(Int64.self, String.self, String.self)
            books.effects.append(.init(eventID: id, lane: lane, identity: identity))
        }
        return books
    }

    /// Repeats a read through the restarts of the database that are still under way.
    private func query(_ sql: SQL, in book: Book) async throws -> [Row] {
        guard let database = databases[book] else { return [] }
        for _ in 1..<40 {
            // The last try, below, says what is wrong.
            if let rows = try? await database.query(sql) { return rows }
            try await loop.sleep(for: .milliseconds(500))
        }
        return try await database.query(sql)
    }
}
