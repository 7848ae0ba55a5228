internal import Contracts
internal import Foundation
internal import LoadtestKit
internal import LocalSystem

/// Fills a database with a month of events on the server's side: real rows, indexes, partitions and dedup keys.
struct GrowthLoad {
    let test: IngressUnderTest
    let events: Int
    let days: Int
    /// The month's update ids are consecutive from here.
    let firstUpdate: Int

    /// Loads unless the last run has left the same month.
    func run() async throws {
        let rig = test.rig
        let mark = "\(events) events"
        let left = try await rig.psql(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = '\(GrowthBench.grown)'"
        )
        guard left.trimmingCharacters(in: .whitespacesAndNewlines) != mark else { return }
        _ = try await rig.psql("drop database if exists \(GrowthBench.grown)")
        // A copy of the migrated database, so that both have the same settings and rights.
        _ = try await rig.psql(
            """
            create database \(GrowthBench.grown) template \(IngressUnderTest.database)
            owner \(Provisioning.ownerRole(.ingress))
            """
        )
        let role = Provisioning.serviceRole(.ingress)
        _ = try await rig.psql("grant connect, temporary on database \(GrowthBench.grown) to \(role)")
        // The load alone may lose its last commits at a power failure; the measurement is not part of it.
        _ = try await rig.psql("alter database \(GrowthBench.grown) set synchronous_commit = off")
        let first = firstUpdate >> 23
        for part in first...((firstUpdate + events) >> 23) {
            _ = try await rig.psql("select make_seen_partition(\(part))", database: GrowthBench.grown)
        }
        let perDay = events / days
        for day in 1...days {
            try await load(day: day, from: (day - 1) * perDay + 1, to: day == days ? events : day * perDay)
            Console.say("loaded day \(day) of \(days)")
        }
        _ = try await rig.psql("select setval('event_id_seq', \(events))", database: GrowthBench.grown)
        _ = try await rig.psql("alter database \(GrowthBench.grown) reset synchronous_commit")
        for table in ["event", "seen_update"] {
            _ = try await rig.psql("vacuum (analyze) \(table)", database: GrowthBench.grown)
        }
        _ = try await rig.psql("update slot set low_id = \(events), read_id = \(events)", database: GrowthBench.grown)
        _ = try await rig.psql("comment on database \(GrowthBench.grown) is '\(mark)'")
    }

    /// One day, the oldest first, with the rows that ingress itself would have written.
    private func load(day: Int, from: Int, to: Int) async throws {
        let ago = days + 1 - day
        _ = try await test.rig.psql(
            """
            do $$
            declare
                day date := (now() at time zone 'utc')::date - \(ago);
                start timestamptz := day::timestamp at time zone 'utc';
            begin
                execute format('create table %I partition of event for values from (%L) to (%L)',
                    'event_' || to_char(day, 'YYYYMMDD'), start, start + interval '1 day');
                insert into event_day (day, first_id) values (day, \(from)) on conflict do nothing;
                insert into seen_update (bot, update_id, event_id)
                select 'main', \(firstUpdate) - 1 + n, n from generate_series(\(from)::bigint, \(to)) as n;
                insert into event (id, at, source, kind, bot, update_id, lane, slot, traceparent, body)
                select n, start + interval '1 day' * (n - \(from)) / \(to - from + 1), 'telegram', 'message', 'main',
                    \(firstUpdate) - 1 + n, 'chat:main:' || 700000000 + n % 100000, n % 64,
                    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
                    convert_to('{"update_id":' || \(firstUpdate) - 1 + n || ',"message":{"message_id":' || n
                        || ',"from":{"id":' || 700000000 + n % 100000 || ',"is_bot":false,"first_name":"Anna"},"chat":{"id":'
                        || 700000000 + n % 100000 || ',"type":"private"},"date":1790000000,"text":"' || repeat(md5(n::text), 5)
                        || '"}}', 'UTF8')
                from generate_series(\(from)::bigint, \(to)) as n;
            end $$
            """,
            database: GrowthBench.grown
        )
    }
}
