import Concurrency
import Configuration
import Contracts
import EventLoop
import FaultProxy
import Foundation
import HTTPClient
import LoadtestKit
import LocalSystem
import ServiceKit
import Telemetry
import Time

/// `make chaos-network`: billing behind bad networks on both sides, and books that must agree afterwards.
///
/// `chaos-network [seconds] [seed]`. Callers reach billing through one `FaultProxy`, billing reaches PostgreSQL through
/// another. Every caller repeats each operation under its key until it is answered, and keeps a book of what was
/// acknowledged; at the end the networks are mended and balances, holds, trial balance and the number of stored operations
/// are compared with it: nothing lost, nothing doubled.
struct NetworkChaos {
    let seconds: Double
    let loop: EventLoop
    let calls: FaultProxy
    let database: FaultProxy
    let asPayments: InternalClient
    let asGeneration: InternalClient
    let directly: InternalClient
    let rig: Rig

    private static let users = 5
    private static let callersPerUser = 4

    /// What one user's operations came to, as the callers were told.
    private struct Book {
        var credited: Int64 = 0
        var charged: Int64 = 0
        var operations = 0
        var tries = 0
    }

    static func run(_ loop: EventLoop, _ words: [String]) async throws -> Int32 {
        let seed = words.dropFirst().first.flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64(UInt32.max))
        Console.say("seed \(seed)")
        let (rig, postgres) = try await Rig.open("chaos-network", loop: loop)
        let direct = rig.children(
            ports: try (["sandbox", "public"] + Project.services.map(\.rawValue)).map { ($0, try Tool.freePort()) }
        )
        try await rig.migrate(.billing, direct)
        let database = try FaultProxy(to: .path(rig.cluster.placement.socketFolder + "/.s.PGSQL.5432"), seed: seed)
        let password = rig.credentials.password(of: Provisioning.serviceRole(.billing))
        let name = Provisioning.database(.billing)
        let url = "postgresql://\(Provisioning.serviceRole(.billing)):\(password)@127.0.0.1:\(database.port)/\(name)"
        let billing = try await rig.start(.billing, direct, variables: ["ATELIER_DATABASE_URL": url])
        let calls = try FaultProxy(to: .port(direct.ports["billing"]), seed: seed &+ 1)
        let http = HTTPClient(loop: loop, metrics: Metrics(service: "chaos"), log: Log(service: "chaos", level: .error))
        func client(_ caller: ServiceName, port: Int) -> InternalClient {
            InternalClient(
                service: .billing,
                baseURL: "http://127.0.0.1:\(port)",
                token: Secret(rig.credentials.token(caller: caller, callee: .billing)),
                http: http,
                metrics: Metrics(service: "chaos")
            )
        }
        let chaos = NetworkChaos(
            seconds: words.first.flatMap { Double($0) } ?? 60,
            loop: loop,
            calls: calls,
            database: database,
            asPayments: client(.payments, port: calls.port),
            asGeneration: client(.generation, port: calls.port),
            directly: client(.operator, port: direct.ports["billing"]),
            rig: rig
        )
        let code = try await chaos.play()
        await http.shutdown()
        try await billing.stop(loop)
        calls.stop()
        database.stop()
        try await postgres.stop(loop, SIGINT)
        rig.removeFolders()
        return code
    }

    private func play() async throws -> Int32 {
        calls.plan = FaultPlan(delays: 0.05, splits: 0.1, cuts: 0.03, resets: 0.03)
        database.plan = FaultPlan(delays: 0.05, splits: 0.1, cuts: 0.005, resets: 0.005)
        let end = Deadline.after(.milliseconds(Int64(seconds * 1_000)))
        let books = try await withThrowingTaskGroup(of: (Int, Book).self) { group in
            for user in 0..<Self.users {
                for caller in 0..<Self.callersPerUser {
                    group.addTask { (user, try await live(user, caller, until: end)) }
                }
            }
            return try await group.reduce(into: [Book](repeating: Book(), count: Self.users)) { books, part in
                books[part.0].credited += part.1.credited
                books[part.0].charged += part.1.charged
                books[part.0].operations += part.1.operations
                books[part.0].tries += part.1.tries
            }
        }
        let damage = (calls: calls.counts, database: database.counts)
        calls.plan = .none
        database.plan = .none
        try await loop.sleep(for: .seconds(3))
        return try await compare(books, damage)
    }

    // MARK: Load

    /// Credits, holds, charges and releases, one after the other.
    private func live(_ user: Int, _ caller: Int, until end: Deadline) async throws -> Book {
        let account = UserID(810_000_000 + Int64(user))
        var book = Book()
        while !end.isExpired {
            let amount = Int64.random(in: 100...10_000)
            let reference = "chaos-\(user)-\(caller)-\(book.operations)"
            _ = try await untilAnswered(&book) {
                try await asPayments.call(
                    Credit.self,
                    Credit.Input(
                        userID: account,
                        amountKopecks: amount,
                        source: .yookassa,
                        reference: reference,
                        memo: "chaos"
                    ),
                    key: "credit:" + reference
                )
            }
            book.credited += amount
            let (job, holdID) = (JobID(), HoldID())
            let expiry = WallClock.system.now + .seconds(3_600)
            _ = try await untilAnswered(&book) {
                try await asGeneration.call(
                    PlaceHold.self,
                    PlaceHold.Input(
                        holdID: holdID,
                        userID: account,
                        amountKopecks: amount / 2,
                        expiresAt: expiry,
                        memo: "chaos"
                    ),
                    key: "job:\(job):hold"
                )
            }
            let parameters = HoldParameters(holdID: holdID)
            if Bool.random() {
                let part = amount / 3
                _ = try await untilAnswered(&book) {
                    try await asGeneration.call(
                        ChargeHold.self,
                        ChargeHold.Input(
                            userID: account,
                            amountKopecks: part,
                            jobID: job,
                            model: "chaos",
                            variant: "",
                            providerCostMicrodollars: 0
                        ),
                        parameters: parameters,
                        key: "job:\(job):end"
                    )
                }
                book.charged += part
            } else {
                _ = try await untilAnswered(&book) {
                    try await asGeneration.call(
                        ReleaseHold.self,
                        ReleaseHold.Input(userID: account, reason: "chaos"),
                        parameters: parameters,
                        key: "job:\(job):end"
                    )
                }
            }
        }
        return book
    }

    /// Repeats a keyed call until it is answered; a refusal that can't pass is a failure of the proof.
    private func untilAnswered<Output>(
        _ book: inout Book,
        _ call: () async throws -> Output
    ) async throws -> Output {
        book.operations += 1
        while true {
            book.tries += 1
            do {
                return try await call()
            } catch let error as CallError where error.isRetryable {
                try await loop.sleep(for: .milliseconds(20))
            }
        }
    }

    // MARK: Proof

    private func compare(
        _ books: [Book],
        _ damage: (calls: FaultProxy.Counts, database: FaultProxy.Counts)
    ) async throws -> Int32 {
        var bench = Bench("chaos-network")
        var (differences, held) = (Int64(0), Int64(0))
        for (user, book) in books.enumerated() {
            let account = UserID(810_000_000 + Int64(user))
            let balance = try await directly.call(GetBalance.self, parameters: GetBalance.Parameters(userID: account))
            differences += abs(balance.postedKopecks - (book.credited - book.charged))
            held += balance.heldKopecks
        }
        let trial = try await directly.call(GetTrialBalance.self)
        let operations = books.map(\.operations).reduce(0, +)
        let tries = books.map(\.tries).reduce(0, +)
        Console.say(
            TextTable(
                [
                    ["network", "connections", "delays", "splits", "cuts", "resets"],
                    Self.row("callers to billing", damage.calls),
                    Self.row("billing to PostgreSQL", damage.database),
                ],
                numbersFrom: 1
            ).text
        )
        Console.say("\(operations) operations, tried \(tries) times; seeds \(database.seed) and \(calls.seed)")
        bench.note("seed", Double(database.seed))
        bench.note("operations", Double(operations))
        bench.note("tries", Double(tries))
        let breaks = damage.calls.cuts + damage.calls.resets + damage.database.cuts + damage.database.resets
        bench.require("broken_connections", Double(breaks), .atLeast(100))
        bench.require("kopecks_lost_or_doubled", Double(differences), .equal(0))
        bench.require("kopecks_still_held", Double(held), .equal(0))
        bench.require("trial_balance_kopecks", Double(trial.sumKopecks), .equal(0))
        return bench.finish()
    }

    private static func row(_ name: String, _ counts: FaultProxy.Counts) -> [String] {
        [name] + [counts.connections, counts.delays, counts.splits, counts.cuts, counts.resets].map(String.init)
    }
}
