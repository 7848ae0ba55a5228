import Concurrency
import Contracts
import EventLoop
import Jobs
import Postgres
import Telemetry
import TestSupport
import Testing
import Time

/// Answers from a script; remembers what was sent.
final class FakeTransport: CommandTransport {
    struct Sent: Equatable {
        var key: String
        var body: [UInt8]
        var lane: String
        var traceID: String?
    }

    private let log = Locked<[Sent]>([])
    private let underWay = Locked<[String: Int]>([:])
    /// The most commands of one lane that were ever on their way together.
    private let most = Locked(0)
    private let script: @Sendable (OutboxCommand, _ sends: Int) async -> CommandReply

    init(_ script: @escaping @Sendable (OutboxCommand, _ sends: Int) async -> CommandReply) {
        self.script = script
    }

    var sent: [Sent] { log.withLock { $0 } }
    var mostOfOneLane: Int { most.withLock { $0 } }

    func send(_ command: OutboxCommand, timeout: Duration) async -> CommandReply {
        let sends = log.withLock { log in
            log.append(
                Sent(
                    key: command.key,
                    body: command.body,
                    lane: command.lane,
                    traceID: TraceContext.current?.traceID
                )
            )
            return log.count { $0.key == command.key }
        }
        let together = underWay.withLock { counts in
            counts[command.lane, default: 0] += 1
            return counts[command.lane] ?? 0
        }
        most.withLock { $0 = max($0, together) }
        let reply = await script(command, sends)
        underWay.withLock { $0[command.lane, default: 0] -= 1 }
        return reply
    }
}

@Suite(.scratchDatabase(migrations: "Tests/Fixtures/outbox/migrations")) struct OutboxTests {
    private var scratch: ScratchDatabase { .current }
    private var database: Database { scratch.database }

    private static let accepted = CommandReply.final(status: 200, body: Array("{}".utf8))

    private func command(_ key: String, lane: String = "a") -> OutboxCommand {
        OutboxCommand(
            target: .billing,
            method: .post,
            path: "/v1/holds",
            body: Array("{\"key\":\"\(key)\"}".utf8),
            lane: lane,
            key: key
        )
    }

    private func enqueue(_ commands: [OutboxCommand]) async throws {
        try await database.transaction { transaction in try await Outbox.enqueue(commands, in: transaction) }
    }

    private var limits: OutboxSender.Limits {
        var limits = OutboxSender.Limits()
        limits.backoff = Backoff(first: .milliseconds(5), cap: .milliseconds(20))
        limits.pollInterval = .milliseconds(20)
        return limits
    }

    private func sender(
        _ transport: FakeTransport,
        limits: OutboxSender.Limits? = nil,
        handler: @escaping OutboxSender.Handler = { _, _ in }
    ) -> OutboxSender {
        OutboxSender(
            database: database,
            transport: transport,
            metrics: scratch.metrics,
            log: scratch.log,
            limits: limits ?? self.limits,
            handler: handler
        )
    }

    /// Runs senders until `question` is answered with yes.
    private func run(_ senders: [OutboxSender], until question: () async throws -> Bool) async throws {
        let tasks = senders.map { sender in Task { try await sender.run() } }
        defer { tasks.forEach { $0.cancel() } }
        try await eventually(question)
        tasks.forEach { $0.cancel() }
        for task in tasks { _ = await task.result }
    }

    private func waiting() async throws -> Int64 {
        try await database.query("select count(*) from outbox where answered_at is null")[0].decode(Int64.self)
    }

    // MARK: Failures

    @Test func `a command without an answer is repeated with the same bytes and key, and blocks its lane`() async throws
    {
        let transport = FakeTransport { command, sends in
            command.key == "1" && sends < 4 ? .unreachable(reason: "timeout") : Self.accepted
        }
        // So long that a renewal which came after the postponement would be seen.
        var limits = limits
        limits.lease = .seconds(600)
        try await enqueue([command("1"), command("2")])
        try await run([sender(transport, limits: limits)]) { try await waiting() == 0 }
        #expect(transport.sent.map(\.key) == ["1", "1", "1", "1", "2"])
        #expect(Set(transport.sent.filter { $0.key == "1" }.map(\.body)).count == 1)
        let attempts = try await database.query("select attempts from outbox order by id")
        #expect(try attempts.map { try $0.decode(Int.self) } == [4, 1])
    }

    @Test func `a lane that can't be sent does not hold up others`() async throws {
        let transport = FakeTransport { command, _ in
            command.lane == "stuck" ? .again(reason: "unavailable", after: nil) : Self.accepted
        }
        try await enqueue([command("1", lane: "stuck"), command("2", lane: "b"), command("3", lane: "zz")])
        try await run([sender(transport)]) { try await waiting() == 1 }
        #expect(transport.sent.filter { $0.lane != "stuck" }.count == 2)
    }

    @Test func `a refusal is an answer, and the handler sees its problem`() async throws {
        let body = try ContractJSON.encode(Problem(.insufficientFunds))
        let transport = FakeTransport { _, _ in .final(status: 402, body: body) }
        let seen = Locked<[OutboxAnswer]>([])
        try await enqueue([command("1"), command("2")])
        try await run([sender(transport) { answer, _ in seen.withLock { $0.append(answer) } }]) {
            try await waiting() == 0
        }
        let answers = seen.withLock { $0 }
        #expect(answers.map(\.key) == ["1", "2"])
        #expect(answers.allSatisfy { $0.problem?.code == .insufficientFunds && !$0.isSuccess })
        let stored = try await database.query("select answer_status, answer_body from outbox where key = '1'")[0]
        #expect(try stored.decode(Int.self, [UInt8].self) == (402, body))
    }

    @Test func `what a handler wrote is undone if it throws, and the command is sent again`() async throws {
        struct Trouble: Error {}
        let transport = FakeTransport { _, _ in Self.accepted }
        let calls = Locked(0)
        try await enqueue([command("1")])
        try await run([
            sender(transport) { answer, transaction in
                try await transaction.execute("insert into note (text) values (\(answer.key))")
                if calls.withLock({
                    $0 += 1; return $0
                }) < 3 {
                    throw Trouble()
                }
            }
        ]) { try await waiting() == 0 }
        #expect(try await database.query("select text from note").count == 1)
        #expect(transport.sent.count == 3)
    }

    @Test func `a command whose sender died is taken over when its lease ends`() async throws {
        try await enqueue([command("1")])
        // As a process leaves it that was killed between sending and storing the answer.
        try await database.execute("update outbox set attempts = 1, next_at = now() + interval '300 milliseconds'")
        let transport = FakeTransport { _, _ in Self.accepted }
        try await run([sender(transport)]) { try await waiting() == 0 }
        #expect(transport.sent.count == 1)
        #expect(try await database.query("select attempts from outbox")[0].decode(Int.self) == 2)
    }

    @Test func `the attempt is committed before the command is sent`() async throws {
        let database = database
        let attempts = Locked<Int?>(nil)
        let transport = FakeTransport { _, _ in
            let rows = try? await database.query("select attempts from outbox")
            attempts.withLock { $0 = try? rows?.first?.decode(Int.self) }
            return Self.accepted
        }
        try await enqueue([command("1")])
        try await run([sender(transport)]) { try await waiting() == 0 }
        #expect(attempts.withLock { $0 } == 1)
    }

    @Test func `a command that takes longer than the lease is not sent by another instance`() async throws {
        var limits = limits
        // Renewed every two seconds, which leaves a sanitized build on a busy machine four seconds to be late.
        limits.lease = .seconds(6)
        let transport = FakeTransport { _, _ in
            try? await ScratchDatabase.loop.sleep(for: .milliseconds(7_500))
            return Self.accepted
        }
        try await enqueue([command("1")])
        try await run([sender(transport, limits: limits), sender(transport, limits: limits)]) {
            try await waiting() == 0
        }
        #expect(transport.sent.count == 1)
    }

    @Test func `a sender that stops gives its commands back at once`() async throws {
        var limits = limits
        limits.lease = .seconds(600)
        let slow = FakeTransport { _, _ in
            try? await ScratchDatabase.loop.sleep(for: .seconds(600))
            return .unreachable(reason: "cancelled")
        }
        try await enqueue([command("1")])
        try await run([sender(slow, limits: limits)]) { slow.sent.count == 1 }
        let quick = FakeTransport { _, _ in Self.accepted }
        try await run([sender(quick, limits: limits)]) { try await waiting() == 0 }
        #expect(quick.sent.map(\.key) == ["1"])
    }

    @Test func `two instances keep the order of every lane`() async throws {
        let transport = FakeTransport { command, sends in
            command.key.hasSuffix("3") && sends == 1 ? .unreachable(reason: "lost") : Self.accepted
        }
        let keys = (0..<60).map { number in command("\(number / 6)-\(number % 6)", lane: "lane \(number / 6)") }
        try await enqueue(keys.shuffled().sorted { $0.key.suffix(1) < $1.key.suffix(1) })
        try await run([sender(transport), sender(transport)]) { try await waiting() == 0 }
        for lane in 0..<10 {
            let order = transport.sent.filter { $0.lane == "lane \(lane)" }.map { String($0.key.suffix(1)) }
            #expect(order == ["0", "1", "2", "3", "3", "4", "5"])
        }
        #expect(transport.mostOfOneLane == 1)
    }

    // MARK: The good case

    @Test func `a wake sends without waiting for the poll, in the caller's trace`() async throws {
        var limits = limits
        limits.pollInterval = .seconds(600)
        let transport = FakeTransport { _, _ in Self.accepted }
        let sender = sender(transport, limits: limits)
        let trace = TraceContext.start()
        try await run([sender]) {
            if transport.sent.isEmpty {
                try await TraceContext.$current.withValue(trace) { try await enqueue([command("1"), command("2")]) }
                sender.wake()
                try await eventually { transport.sent.count == 2 }
            }
            return try await waiting() == 0
        }
        #expect(transport.sent.map(\.traceID) == [trace.traceID, trace.traceID])
    }

    @Test func `old answers are tidied away, waiting commands never`() async throws {
        var limits = limits
        limits.retention = .seconds(60)
        try await enqueue([command("old"), command("new", lane: "b"), command("waits", lane: "c")])
        try await database.execute("update outbox set answered_at = now() - interval '1 hour' where key = 'old'")
        try await database.execute("update outbox set answered_at = now() where key = 'new'")
        try await database.execute("update outbox set created_at = now() - interval '1 hour' where key = 'waits'")
        let transport = FakeTransport { _, _ in .again(reason: "later", after: nil) }
        try await run([sender(transport, limits: limits)]) {
            try await database.query("select 1 from outbox").count == 2
        }
        #expect(try await database.query("select 1 from outbox where key = 'old'").isEmpty)
    }
}

private func eventually(_ question: () async throws -> Bool) async throws {
    for _ in 0..<1_000 {
        if try await question() { return }
        try await ScratchDatabase.loop.sleep(for: .milliseconds(10))
    }
    Issue.record("it never happened")
    throw CancellationError()
}
