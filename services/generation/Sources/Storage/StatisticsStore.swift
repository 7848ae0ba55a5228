internal import Postgres
internal import Time

/// The SQL of statistics: computed out of jobs by one instance at a time, read by all.
struct StatisticsStore: Sendable {
    let database: Database

    /// Computes them anew if they are older than `age` and nobody else is at it.
    ///
    /// - Parameter window: Jobs that ended within it count.
    func refresh(olderThan age: Duration, window: Duration) async throws {
        try await database.transaction(.repeatable) { transaction in
            let turn = try await transaction.query(
                """
                select pg_try_advisory_xact_lock(hashtextextended('generation.statistics', 0))
                    and not exists (select from model_statistics_run
                        where computed_at > now() - \(age.inSeconds) * interval '1 second')
                """
            )
            guard try turn[0].decode(Bool.self) else { return }
            try await transaction.execute("delete from model_statistics")
            try await transaction.execute(
                """
                insert into model_statistics (slug, variant, succeeded, failed, p50_seconds, p90_seconds)
                select model_slug, coalesce(variant, ''), count(*) filter (where verdict = 'succeeded'),
                    count(*) filter (where verdict = 'failed'),
                    coalesce(percentile_cont(0.5) within group (order by seconds) filter (where verdict = 'succeeded'), 0),
                    coalesce(percentile_cont(0.9) within group (order by seconds) filter (where verdict = 'succeeded'), 0)
                from (
                    select model_slug, variant, verdict, extract(epoch from ended_at - coalesce(began_at, created_at))::float8 as seconds
                    from job
                    where step = 'ended' and ended_at > now() - \(window.inSeconds) * interval '1 second'
                        and (verdict = 'succeeded' or verdict = 'failed'
                            and failure not in ('refused', 'invalid_input', 'input_unavailable'))
                ) as run
                group by grouping sets ((model_slug), (model_slug, variant))
                having grouping(variant) = 1 or variant <> ''
                """
            )
            try await transaction.execute(
                """
                insert into model_statistics_run (computed_at) values (now())
                on conflict (is_only) do update set computed_at = excluded.computed_at
                """
            )
        }
    }

    /// What was computed last, with the provider's own figures and failures in a row.
    func read() async throws -> ModelStatistics {
        let results = try await database.pipeline([
            "select slug, variant, succeeded, failed, p50_seconds, p90_seconds from model_statistics",
            "select computed_at from model_statistics_run",
            "select slug, failures from model_health where failures > 0",
            "select slug, success_percent from provider_view where success_percent is not null",
        ])
        var statistics = ModelStatistics(computedAt: try results[1].first.map { try $0.decode(Timestamp.self) })
        statistics.rows = try results[0].map { row in
            let (slug, variant, succeeded, failed, p50, p90) = try row.decode(
                String.self,
                String.self,
                Int.self,
                Int.self,
                Double.self,
                Double.self
            )
            return ModelStatistics.Row(
                slug: slug,
                variant: variant.isEmpty ? nil : variant,
                succeeded: succeeded,
                failed: failed,
                p50Seconds: p50,
                p90Seconds: p90
            )
        }
        for row in results[2] {
            let (slug, failures) = try row.decode(String.self, Int.self)
            statistics.failures[slug] = failures
        }
        for row in results[3] {
            let (slug, percent) = try row.decode(String.self, Int.self)
            statistics.provider[slug] = percent
        }
        return statistics
    }
}
