internal import Postgres
internal import Time

/// The SQL of provider keys: the one limiter that all instances share.
struct KeyStore: Sendable {
    let database: Database

    /// Makes rows for the configured keys.
    func register(_ names: [String]) async throws {
        try await database.execute(
            """
            insert into provider_key (name) select unnest(\(names)) on conflict (name) do update set seen_at = now()
            """
        )
    }

    /// The books of these keys and the database's time.
    func books(_ names: [String]) async throws -> (books: [SlotBook], now: Timestamp) {
        let rows = try await database.query(
            "select name, stamps, paused_until, clock_timestamp() from provider_key where name = any(\(names))"
        )
        var now = WallClock.system.now
        let books = try rows.map { row in
            let (name, stamps, paused, time) = try row.decode(
                String.self,
                [Timestamp].self,
                Timestamp?.self,
                Timestamp.self
            )
            now = time
            return SlotBook(key: name, stamps: stamps, pausedUntil: paused)
        }
        return (books, now)
    }

    /// A key's book, with other submissions of the key kept out until the transaction ends.
    static func lock(_ name: String, in transaction: Transaction) async throws -> (SlotBook, Timestamp) {
        let rows = try await transaction.query(
            "select stamps, paused_until from provider_key where name = \(name) for update"
        )
        // Asked after the wait for the lock, or the stamp would be too early.
        let time = try await transaction.query("select clock_timestamp()")
        let now = try time[0].decode(Timestamp.self)
        guard let row = rows.first else { return (SlotBook(key: name, stamps: []), now) }
        let (stamps, paused) = try row.decode([Timestamp].self, Timestamp?.self)
        return (SlotBook(key: name, stamps: stamps, pausedUntil: paused), now)
    }

    static func record(_ book: SlotBook) -> SQL {
        "update provider_key set stamps = \(book.stamps) where name = \(book.key)"
    }

    /// Lets a key rest; never shortens a rest.
    func pause(_ name: String, for duration: Duration, reason: String) async throws {
        let seconds = duration.inSeconds
        try await database.execute(
            """
            update provider_key set pause_reason = \(reason),
                paused_until = greatest(paused_until, now() + \(seconds) * interval '1 second')
            where name = \(name)
            """
        )
    }
}
