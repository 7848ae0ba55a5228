internal import Postgres
internal import Time

/// The SQL of models' health. A model that never failed has no row.
struct HealthStore: Sendable {
    let database: Database

    /// Notes a failure that is the model's own.
    func failed(_ slug: String) async throws -> ModelHealth {
        try await database.transaction(.repeatable) { transaction in
            try await transaction.execute(
                "insert into model_health (slug) values (\(slug)) on conflict (slug) do nothing"
            )
            let rows = try await transaction.query(
                """
                select failures, rests, hidden_until, clock_timestamp(),
                    (select success_percent from provider_view where slug = \(slug))
                from model_health where slug = \(slug) for update
                """
            )
            let (failures, rests, hidden, now, percent) = try rows[0].decode(
                Int.self,
                Int.self,
                Timestamp?.self,
                Timestamp.self,
                Int?.self
            )
            let next = ModelHealth(failures: failures, rests: rests, hiddenUntil: hidden)
                .failed(now: now, providerPercent: percent)
            try await transaction.execute(
                """
                update model_health set failures = \(next.failures), rests = \(next.rests),
                    hidden_until = \(next.hiddenUntil), changed_at = now()
                where slug = \(slug)
                """
            )
            return next
        }
    }

    /// Notes a success: all is well again.
    func succeeded(_ slug: String) async throws {
        try await database.execute(
            """
            update model_health set failures = 0, rests = 0, hidden_until = null, changed_at = now()
            where slug = \(slug) and failures > 0
            """
        )
    }

    /// The models that are hidden now.
    func hidden() async throws -> Set<String> {
        Set(
            try await database.query("select slug from model_health where hidden_until > now()").map {
                try $0.decode(String.self)
            }
        )
    }
}
