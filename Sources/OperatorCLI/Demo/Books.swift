internal import Configuration
internal import Contracts
internal import EventLoop
internal import HTTPClient
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// What the databases and the ledger say about a person, read behind the story's back.
struct Books: Sendable {
    /// A person's account.
    struct Account: Equatable {
        var posted: Int64
        var held: Int64
        /// The sum of all top-ups.
        var credited: Int64
    }

    let billing: InternalClient
    let billingDatabase: Database
    let generationDatabase: Database
    let deliveryDatabase: Database
    let loop: EventLoop

    func balance(of user: UserID) async throws -> Account {
        let balance = try await billing.call(GetBalance.self, parameters: .init(userID: user))
        let entries = try await billing.call(ListEntries.self, parameters: .init(userID: user, limit: 200)).entries
        return Account(
            posted: balance.postedKopecks,
            held: balance.heldKopecks,
            credited: entries.filter { $0.kind == .topUp }.map(\.amountKopecks).reduce(0, +)
        )
    }

    func jobCount(of user: UserID) async throws -> Int64 {
        try await number(
            in: generationDatabase,
            "select count(*) from job where user_id = \(user) and step <> 'refused'"
        )
    }

    /// The price of the newest quote, in kopecks.
    func newestQuote(of user: UserID) async throws -> Int64 {
        try await number(
            in: generationDatabase,
            "select price_kopecks from quote where user_id = \(user) order by created_at desc limit 1"
        )
    }

    /// Waits until nothing of the person's is under way: no open job, no live hold, every fact told.
    func settle(of user: UserID) async throws {
        let deadline = Deadline.after(.seconds(15))
        while true {
            let open = try await number(
                in: generationDatabase,
                """
                select count(*) from job where user_id = \(user)
                    and step not in ('refused') and (step <> 'ended' or reported_at is null)
                """
            )
            let balance = try await balance(of: user)
            if open == 0 && balance.held == 0 { return }
            guard !deadline.isExpired else {
                throw Narrator.Failure(description: "\(open) jobs are open and \(balance.held) kopecks held after 15 s")
            }
            try await loop.sleep(for: .milliseconds(50))
        }
    }

    func number(in database: Database, _ sql: SQL) async throws -> Int64 {
        guard let row = try await database.query(sql).first else { return 0 }
        return try row.decode(Int64.self)
    }
}
