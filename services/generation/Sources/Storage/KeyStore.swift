internal import Postgres
internal import Time

/// The SQL of provider accounts and keys: the one limiter that all instances share.
struct KeyStore: Sendable {
    let database: Database
    let keys: ProviderKeys

    /// Makes rows for the configured keys and their accounts.
    func register() async throws {
        let accounts = Array(Set(keys.members.map(\.account))).sorted()
        _ = try await database.pipeline([
            """
            insert into provider_account (name) select unnest(\(accounts))
            on conflict (name) do update set seen_at = now()
            """,
            """
            insert into provider_key (name) select unnest(\(keys.names.sorted()))
            on conflict (name) do update set seen_at = now()
            """,
        ])
    }

    /// The configured keys and their accounts as they stand, and the database's time.
    func pool() async throws -> (pool: ProviderPool, now: Timestamp) {
        let accounts = Array(Set(keys.members.map(\.account)))
        let rows = try await database.pipeline([
            "select name, stamps, paused_until from provider_account where name = any(\(accounts))",
            "select \(unsafe: Self.keyColumns) from provider_key where name = any(\(keys.names))",
            "select clock_timestamp()",
        ])
        var pool = ProviderPool(keys: keys.members.map { KeyBook($0) }, accounts: [:])
        for row in rows[0] {
            let (name, stamps, paused) = try row.decode(String.self, [Timestamp].self, Timestamp?.self)
            pool.accounts[name] = SlotBook(account: name, stamps: stamps, pausedUntil: paused)
        }
        for row in rows[1] {
            let (name, paused, spent, used) = try row.decode(
                String.self,
                Timestamp?.self,
                Int64.self,
                Timestamp?.self
            )
            guard let index = pool.keys.firstIndex(where: { $0.key == name }) else { continue }
            pool.keys[index].pausedUntil = paused
            pool.keys[index].spentMicrodollars = spent
            pool.keys[index].usedAt = used
        }
        return (pool, try rows[2][0].decode(Timestamp.self))
    }

    /// What was spent on another day counts no more.
    private static let keyColumns: StaticString = """
        name, paused_until, case when spent_on = (now() at time zone 'utc')::date then spent_microdollars else 0 end, used_at
        """

    /// Books a submission, with others of the same account kept out until the transaction ends.
    ///
    /// - Parameter microdollars: What the price table says it costs.
    /// - Returns: nil if it may be made; else when it may be.
    func take(
        _ choice: ProviderPool.Choice,
        microdollars: Int64,
        in transaction: Transaction
    ) async throws -> Timestamp? {
        // Statements of their own: what the locks waited for must be seen.
        let accounts = try await transaction.query(
            "select stamps, paused_until from provider_account where name = \(choice.account) for update"
        )
        let found = try await transaction.query(
            "select \(unsafe: Self.keyColumns), clock_timestamp() from provider_key where name = \(choice.key) for update"
        )
        guard let accountRow = accounts.first, let keyRow = found.first,
            var key = keys.members.first(where: { $0.name == choice.key }).map({ KeyBook($0) })
        else { throw PostgresError(.configuration, operation: "take a slot", detail: "the key is not registered") }
        let (stamps, paused) = try accountRow.decode([Timestamp].self, Timestamp?.self)
        let (_, keyPaused, spent, _, now) = try keyRow.decode(
            String.self,
            Timestamp?.self,
            Int64.self,
            Timestamp?.self,
            Timestamp.self
        )
        let book = SlotBook(account: choice.account, stamps: stamps, pausedUntil: paused)
        (key.pausedUntil, key.spentMicrodollars) = (keyPaused, spent)
        let slot = max(key.readyAt(now: now), book.nextSlot(now: now))
        guard slot <= now else { return slot }
        try await transaction.execute(
            "update provider_account set stamps = \(book.taking(now).stamps) where name = \(choice.account)"
        )
        try await transaction.execute(
            """
            update provider_key set used_at = \(now), spent_on = (now() at time zone 'utc')::date,
                spent_microdollars = \(spent + microdollars)
            where name = \(choice.key)
            """
        )
        return nil
    }

    /// Lets a key or its account rest, longer each time until a submission went well. Who rests already is left alone:
    /// twenty calls that fail together are one reason to rest, not twenty.
    func rest(_ key: String, _ rest: ProviderRest, reason: String) async throws {
        guard let member = keys.members.first(where: { $0.name == key }) else { return }
        let (first, longest) = (rest.first.inSeconds, rest.longest.inSeconds)
        switch rest.scope {
        case .account:
            try await database.execute(
                """
                update provider_account set pause_reason = \(reason), strikes = strikes + 1, paused_until =
                    now() + least(\(longest), \(first) * 2 ^ least(strikes, 16)) * interval '1 second'
                where name = \(member.account) and (paused_until is null or paused_until <= now())
                """
            )
        case .key:
            try await database.execute(
                """
                update provider_key set pause_reason = \(reason), strikes = strikes + 1, paused_until =
                    now() + least(\(longest), \(first) * 2 ^ least(strikes, 16)) * interval '1 second'
                where name = \(key) and (paused_until is null or paused_until <= now())
                """
            )
        }
    }

    /// A submission went well: the next rest is a short one again.
    func thrive(_ key: String) async throws {
        guard let member = keys.members.first(where: { $0.name == key }) else { return }
        _ = try await database.pipeline([
            "update provider_account set strikes = 0 where name = \(member.account) and strikes > 0",
            "update provider_key set strikes = 0 where name = \(key) and strikes > 0",
        ])
    }
}

extension KeyBook {
    fileprivate init(_ member: ProviderKeys.Member) {
        self.init(
            key: member.name,
            account: member.account,
            weight: member.weight,
            dailyCapMicrodollars: member.dailyCapMicrodollars
        )
    }
}
