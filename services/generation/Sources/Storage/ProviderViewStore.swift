internal import ModelCatalogue
internal import Postgres
internal import Time

/// The SQL of what the provider's catalogue calls say. The calls share one budget for all instances.
struct ProviderViewStore: Sendable {
    let database: Database

    /// Takes a place in the provider's budget.
    ///
    /// - Parameter pause: The time between two calls.
    /// - Returns: nil if the call may be made, else how long to wait before asking again.
    func takeCall(every pause: Duration) async throws -> Duration? {
        let rows = try await database.query(
            """
            with taken as (
                insert into provider_budget (next_at) values (now() + \(pause.inSeconds) * interval '1 second')
                on conflict (is_only) do update set next_at = excluded.next_at where provider_budget.next_at <= now()
                returning 1)
            select exists (select from taken),
                coalesce(extract(epoch from (select next_at from provider_budget) - now()), 0)::float8
            """
        )
        let (isTaken, seconds) = try rows[0].decode(Bool.self, Double.self)
        return isTaken ? nil : .seconds(max(0, seconds))
    }

    /// Makes sure that every model has a row, and drops rows of models that are gone.
    func expect(_ slugs: [String]) async throws {
        _ = try await database.pipeline([
            "insert into provider_view (slug) select unnest(\(slugs)) on conflict do nothing",
            "delete from provider_view where slug <> all(\(slugs))",
        ])
    }

    /// The model that was looked at longest ago, and is now looked at by the caller alone.
    ///
    /// - Returns: nil if all were looked at within `age`.
    func claim(olderThan age: Duration) async throws -> String? {
        try await database.query(
            """
            update provider_view set looked_at = now() where slug = (
                select slug from provider_view
                where looked_at is null or looked_at < now() - \(age.inSeconds) * interval '1 second'
                order by looked_at nulls first, slug limit 1 for no key update skip locked)
            returning slug
            """
        ).first.map { try $0.decode(String.self) }
    }

    /// Lets a model be looked at again soon, because the look gave nothing.
    func retry(_ slug: String, after pause: Duration, age: Duration) async throws {
        try await database.execute(
            """
            update provider_view
            set looked_at = now() - \((age - pause).inSeconds) * interval '1 second' where slug = \(slug)
            """
        )
    }

    /// Keeps a view and what differs from what was approved.
    ///
    /// - Returns: Whether the differences are other ones than before.
    func record(_ view: ProviderView, of slug: String, findings: [DriftFinding]) async throws -> Bool {
        let texts = findings.map { "\($0.kind.rawValue): \($0.text)" }
        let kinds = findings.map(\.kind.rawValue)
        let stored = try StoredJSON.encode(view)
        let rows = try await database.query(
            """
            with old as (select slug, findings from provider_view where slug = \(slug))
            update provider_view set view = \(stored), success_percent = \(view.successPercent)::int8, findings = \(texts),
                kinds = \(kinds), read_at = now()
            from old where provider_view.slug = old.slug returning old.findings <> \(texts)
            """
        )
        return try rows.first?.decode(Bool.self) ?? false
    }

    /// What is known of each model that was expected, by slug.
    func findings() async throws -> [String: (findings: [String], readAt: Timestamp?)] {
        let rows = try await database.query("select slug, findings, read_at from provider_view")
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                let (slug, findings, readAt) = try row.decode(String.self, [String].self, Timestamp?.self)
                return (slug, (findings, readAt))
            }
        )
    }

    /// Forgets what was found about models and lifts their stops, all or nothing; they are looked at again at once.
    ///
    /// - Returns: How many models had findings, and how many stops there were.
    func approve(_ slugs: [String]) async throws -> (cleared: Int, lifted: Int) {
        try await database.transaction { transaction in
            let cleared = try await transaction.query(
                "select count(*) from provider_view where slug = any(\(slugs)) and findings <> '{}'"
            )[0].decode(Int.self)
            try await transaction.execute(
                """
                update provider_view set findings = '{}', kinds = '{}', looked_at = null where slug = any(\(slugs))
                """
            )
            let lifted = try await transaction.execute("delete from sales_stop where slug = any(\(slugs))")
            return (cleared, lifted)
        }
    }

    /// How many models differ, by kind of difference.
    func drift() async throws -> [String: Int] {
        let rows = try await database.query(
            "select kind, count(*) from (select unnest(kinds) as kind from provider_view) as each group by kind"
        )
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                let (kind, count) = try row.decode(String.self, Int.self)
                return (kind, count)
            }
        )
    }
}
