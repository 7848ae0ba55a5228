import Contracts
import EventLoop
import Foundation
import HTTP
import HTTPClient
import LoadtestKit
import LocalSystem
import Telemetry
import Time

/// `make bench-ledger-growth`: the same load on an empty ledger and on one with a past, in turns, each across checkpoints.
struct LedgerGrowthBench {
    /// So often each side has its turn, with a checkpoint before it: a machine that others use too is not the same for long.
    private static let turns = 4

    let loop: EventLoop
    let accounts: Int64
    /// Of a side in all.
    let seconds: Int

    /// `GROWTH_ENTRIES` (50,000,000; some 35 GB) says how long the past is, `ROW_SECONDS` (60) how long a side takes.
    static func run(loop: EventLoop, words: [String]) async throws -> Int32 {
        let environment = ProcessInfo.processInfo.environment
        let entries = environment["GROWTH_ENTRIES"].flatMap { Int64($0) } ?? 50_000_000
        let bench = LedgerGrowthBench(
            loop: loop,
            accounts: max(1, entries / GrownLedger.entriesPerAccount),
            seconds: environment["ROW_SECONDS"].flatMap { Int($0) } ?? 60
        )
        return try await bench.measure()
    }

    private func measure() async throws -> Int32 {
        let young = try await LedgerUnderTest.open("bench-ledger-growth-empty", loop: loop)
        let test = try await LedgerUnderTest.open("bench-ledger-growth", loop: loop)
        try await GrownLedger(rig: young.rig, accounts: accounts).loadAccounts()
        let grown = GrownLedger(rig: test.rig, accounts: accounts)
        try await grown.loadAccounts()
        Console.say("writing the past …")
        try await grown.loadHistory()
        var (empty, full) = (Side(), Side())
        for turn in 0..<Self.turns {
            // Who is first would have the cooler machine each time.
            if turn % 2 == 0 { try await measure(young, &empty) }
            try await measure(test, &full)
            if turn % 2 != 0 { try await measure(young, &empty) }
        }
        Console.say("empty: \(empty.line)")
        Console.say("grown: \(full.line)")
        let size = try await test.rig.psql("select pg_database_size('\(LedgerUnderTest.databaseName)') / 1000000")
        let count = try await test.rig.psql("select max(id) from entry", database: LedgerUnderTest.databaseName)
        try await young.close()
        let asOf = try await balancesInThePast(test)
        try await test.close()
        var bench = Bench("bench-ledger-growth")
        bench.note("accounts", Double(accounts))
        bench.note("entries", number(count))
        bench.note("database_megabytes", number(size))
        bench.note("empty_per_second", empty.callsPerSecond)
        bench.note("grown_per_second", full.callsPerSecond)
        bench.require("grown_to_empty", full.callsPerSecond / empty.callsPerSecond, .atLeast(0.85))
        bench.note("as_of_balance_p50_ms", asOf.milliseconds(0.5))
        bench.require("as_of_balance_p99_ms", asOf.milliseconds(0.99), .atMost(5))
        return bench.finish()
    }

    private func number(_ text: String) -> Double {
        Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .nan
    }

    /// What a side of the comparison has done so far, and what it cost.
    private struct Side {
        var calls = 0.0
        var seconds = 0.0
        var postgresSeconds = 0.0
        var walBytes = 0.0

        var callsPerSecond: Double { calls / seconds }

        var line: String {
            "\(Bench.format(callsPerSecond.rounded())) calls/s, \(Bench.format(postgresSeconds / calls * 1e6)) µs of PostgreSQL "
                + "and \(Bench.format((walBytes / calls).rounded())) bytes of its log a call"
        }
    }

    /// One turn of a side.
    private func measure(_ test: LedgerUnderTest, _ side: inout Side) async throws {
        let log = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
        _ = try await test.rig.psql("checkpoint")
        let (used, written) = (ProcessUsage.ofTree(test.postgres.pid), number(try await test.rig.psql(log)))
        let clients = ClosedLoop(clients: 16, groupOrders: 100, accounts: 1...accounts, submit: test.native)
        let turn = Duration.seconds(Int64(max(1, seconds / Self.turns)))
        let result = try await test.withWorkers {
            try await clients.run(seed: .random(in: 0...UInt64.max), for: turn)
        }
        let (after, end) = (ProcessUsage.ofTree(test.postgres.pid), number(try await test.rig.psql(log)))
        side.calls += result.callsPerSecond * result.seconds
        side.seconds += result.seconds
        side.postgresSeconds += after.cpuSeconds - used.cpuSeconds
        side.walBytes += end - written
    }

    /// Four callers at a time ask for balances of random accounts at random moments of the past.
    private func balancesInThePast(_ test: LedgerUnderTest) async throws -> LatencyRecorder {
        let service = try await test.rig.start(.billing, test.children)
        let http = HTTPClient(loop: loop, metrics: Metrics(service: "client"), log: Log(service: "client"))
        let token = test.rig.credentials.token(caller: .operator, callee: .billing)
        let url = "http://127.0.0.1:\(test.children.ports["billing"])"
        let until = Deadline.after(.seconds(10))
        let accounts = accounts
        let recorder = try await withThrowingTaskGroup(of: LatencyRecorder.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var recorder = LatencyRecorder()
                    while !until.isExpired {
                        let at = WallClock.system.now + .seconds(-Int64.random(in: 60...GrownLedger.ageSeconds))
                        let path = "/v1/accounts/\(Int64.random(in: 1...accounts))/balance?at=\(at)"
                        let sent = Deadline.monotonicNow()
                        let response = try await http.send(
                            ClientRequest(url: url + path, fields: ["Authorization": "Bearer \(token)"])
                        )
                        guard response.status == 200 else { throw HTTPLedger.Failed(response: response) }
                        recorder.record(.nanoseconds(Int64(Deadline.monotonicNow() - sent)))
                    }
                    return recorder
                }
            }
            return try await group.reduce(into: LatencyRecorder()) { $0.merge($1) }
        }
        await http.shutdown()
        try await service.stop(loop)
        return recorder
    }
}
