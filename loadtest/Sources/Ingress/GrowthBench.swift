internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem

/// `make bench-ingress-growth`: the same load on an empty database and on one with a month of events, alternating.
struct GrowthBench {
    static let scenario = LoadtestCommand.Scenario("bench-ingress-growth") { loop, _ in
        let environment = ProcessInfo.processInfo.environment
        func number(_ key: String, _ fallback: Int) -> Int { environment[key].flatMap { Int($0) } ?? fallback }
        var bench = GrowthBench(
            loop: loop,
            events: number("GROWTH_EVENTS", 50_000_000),
            seconds: number("ROW_SECONDS", 6),
            rounds: number("ROUNDS", 5)
        )
        return try await bench.run()
    }

    /// The name of the database with the month.
    static let grown = "atelier_ingress_grown"
    private static let days = 30
    /// The month's first update id; of ten digits, as those of the rows, which are far below.
    private static let oldFirst = 2_000_000_000
    private static let rowsFirst = 1_000_000_000
    private static let idsPerRow = 10_000_000
    private static let connections = 256

    private let loop: EventLoop
    private let events: Int
    private let seconds: Int
    private let rounds: Int
    private var bench = Bench("bench-ingress-growth")
    private var nextID = Self.rowsFirst

    private init(loop: EventLoop, events: Int, seconds: Int, rounds: Int) {
        self.loop = loop
        self.events = events
        self.seconds = seconds
        self.rounds = rounds
    }

    private mutating func run() async throws -> Int32 {
        let keep = ProcessInfo.processInfo.environment["GROWTH_KEEP"]
        let test = try await IngressUnderTest.open("bench-ingress-growth", loop: loop, keeps: keep != nil)
        do {
            try await GrowthLoad(test: test, events: events, days: Self.days, firstUpdate: Self.oldFirst).run()
            if keep == "load" {
                try await test.close()
                return 0
            }
            nextID = try await freeUpdate(test)
            try await measure(test)
        } catch {
            try await test.close()
            throw error
        }
        try await test.close()
        return bench.finish()
    }

    /// An update id above those of the rows of an earlier run on the same databases, and below the month's.
    private func freeUpdate(_ test: IngressUnderTest) async throws -> Int {
        var highest = Self.rowsFirst
        for database in [IngressUnderTest.database, Self.grown] {
            let text = try await test.rig.psql(
                "select coalesce(max(update_id), 0) from seen_update where update_id < \(Self.oldFirst)",
                database: database
            )
            highest = max(highest, Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0)
        }
        return (highest / Self.idsPerRow + 1) * Self.idsPerRow
    }

    private mutating func measure(_ test: IngressUnderTest) async throws {
        // A checkpoint is not the load's any more, and the dedup keys are in the kernel's memory, from which the load or what the
        // machine did since then may have driven them: with their index first, then themselves.
        _ = try await test.rig.psql("checkpoint")
        for scan in ["enable_seqscan", "enable_indexonlyscan"] {
            _ = try await test.rig.psql(
                "set \(scan) = off; set enable_bitmapscan = off; select count(update_id) from seen_update where update_id > 0",
                database: Self.grown
            )
        }
        var rates: [Bool: [Double]] = [:]
        var latencies: [Bool: [Double]] = [:]
        // The first round warms both up and counts for nothing.
        for round in 0...rounds {
            for isGrown in round % 2 == 0 ? [false, true] : [true, false] {
                let result = try await measure(test, isGrown: isGrown)
                guard round > 0 else { continue }
                rates[isGrown, default: []].append(result.requestsPerSecond)
                latencies[isGrown, default: []].append(result.p99Milliseconds)
            }
        }
        let (empty, grown) = (rates[false] ?? [], rates[true] ?? [])
        var table = [["database", "requests/s", "p99 ms"]]
        for (name, isGrown) in [("empty", false), ("\(events) events of \(Self.days) days", true)] {
            table.append([
                name, Bench.format((rates[isGrown] ?? []).median.rounded()),
                Bench.format((latencies[isGrown] ?? []).median),
            ])
        }
        Console.say(TextTable(table, numbersFrom: 1).text)
        Console.say(
            "Medians of \(rounds) rounds, \(Self.connections) connections; one update in ten repeats one of the month."
        )
        bench.note("events", Double(events))
        bench.note("empty_per_second", empty.median)
        bench.note("grown_per_second", grown.median)
        // Round by round, since a round's two halves are neighbours in time.
        bench.require("grown_to_empty", zip(grown, empty).map { $0 / $1 }.median, .atLeast(0.85))
    }

    private mutating func measure(_ test: IngressUnderTest, isGrown: Bool) async throws -> Wrk.Result {
        let url = test.databaseURL(isGrown ? Self.grown : IngressUnderTest.database)
        let ingress = try await test.start(["ATELIER_DATABASE_URL": url])
        let database = isGrown ? Self.grown : IngressUnderTest.database
        let first = nextID
        nextID += Self.idsPerRow
        let old = isGrown ? ["\(Self.oldFirst)", "\(events)"] : []
        let wrk = Wrk(
            url: test.url,
            connections: Self.connections,
            seconds: seconds,
            script: test.rig.project.root + "/loadtest/wrk/updates.lua",
            arguments: [test.secret, "\(first)"] + old
        )
        let result = try await wrk.run()
        try await loop.sleep(for: .milliseconds(300))
        let outcomes = try await test.outcomes()
        let rows = try await test.newRows(in: database, from: first)
        guard result.refused == 0, rows == outcomes["stored"], outcomes["duplicate", default: 0] > rows / 12 else {
            throw OperatorError("The books differ: \(rows) rows, \(outcomes).", "")
        }
        try await ingress.stop(loop)
        return result
    }
}
