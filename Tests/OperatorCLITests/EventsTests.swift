import Contracts
import LocalSystem
import Testing
import Time

@testable import OperatorCLI

@Suite struct `The words behind atelier events` {
    private let now = Timestamp(seconds: 1_767_268_800)

    private func read(_ line: String) throws -> EventsWords {
        try EventsWords.read(line.split(separator: " ").map(String.init), now: now)
    }

    @Test func `are read as they are meant`() throws {
        #expect(try read("list") == .list(.init(), asJSON: false))
        let wanted = ListEvents.Parameters(
            source: .telegram,
            state: .dead,
            chatID: -1001,
            since: now - .seconds(7_200),
            until: Timestamp(rfc3339: "2026-01-01T11:00:00Z"),
            before: 9,
            limit: 5
        )
        let line =
            "list --source telegram --state dead --chat -1001 --since 2h --until 2026-01-01T11:00:00Z --before 9 --limit 5 --json"
        #expect(try read(line) == .list(wanted, asJSON: true))
        #expect(try read("show 601 --body") == .show(601, withBody: true))
        #expect(try read("replay 601 602") == .replay([601, 602]))
        let dead = ReplayDeadLetters.Input(source: .kie, error: "busy", diedBefore: now)
        #expect(try read("replay --dead --source kie --error busy") == .replayDead(dead))
        #expect(try read("") == .help)
    }

    @Test(arguments: [
        ("lst", "There is no command \"events lst\"."), ("list --stat dead", "events list takes no --stat."),
        ("list --state", "--state needs a value."),
        ("list --state gone", "--state is one of waiting, done, parked, dead, malformed, not \"gone\"."),
        ("list --since soon", "--since needs a time such as 2026-11-28T10:00:00Z or 2h, not \"soon\"."),
        ("list 5", "list takes options only, not \"5\"."), ("show", "show takes one id."),
        ("show x", "\"x\" is no id."), ("replay", "replay takes ids, or --dead."),
        ("replay --dead --limit 10", "events replay takes no --limit."),
        ("show 5 --chat 7", "events show takes no --chat."),
        ("replay 5 --chat 7", "replay with ids takes no --chat."),
        ("list --error busy", "events list takes no --error."),
        ("replay 5 --dead", "replay takes either ids or --dead."), ("list --limit 0", "--limit must be above 0."),
    ])
    func `are refused with what is wrong`(line: String, problem: String) {
        let error = #expect(throws: OperatorError.self) { try read(line) }
        #expect(error?.problem == problem)
    }

    @Test func `are answered with a table that fits a terminal`() {
        let event = EventRecord(
            id: 601,
            source: .telegram,
            kind: "message",
            lane: "chat:main:7",
            state: .dead,
            attempts: 30,
            receivedAt: now + .milliseconds(123),
            error: String(repeating: "no ", count: 40)
        )
        let lines = EventsText.table([event]).split(separator: "\n")
        #expect(lines[0].hasPrefix("id   received (UTC)       source    kind"))
        #expect(lines[1].hasPrefix("601  2026-01-01 12:00:00  telegram  message  dead   30     chat:main:7  no no"))
        #expect(lines[1].hasSuffix("…"))
        #expect(EventsText.table([]) == "No such events.")
        let shown = EventsText.detail(
            GetEvent.Output(
                event: event,
                traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                bodyBytes: 12
            )
        )
        #expect(shown.contains("trace       4bf92f3577b34da6a3ce929d0e0e4736"))
        #expect(shown.contains("12 bytes (--body shows it)"))
    }
}
