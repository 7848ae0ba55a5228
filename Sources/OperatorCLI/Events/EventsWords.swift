internal import Configuration
internal import Contracts
internal import LocalSystem
internal import Time

/// What stands behind `atelier events`, read and checked.
enum EventsWords: Equatable {
    case list(ListEvents.Parameters, asJSON: Bool)
    case show(Int64, withBody: Bool)
    case replay([Int64])
    case replayDead(ReplayDeadLetters.Input)
    case help

    static let usage = """
        usage: atelier events <command>
          list              newest first; --limit N (50), --json for one object a line
            --source X      telegram, kie or yookassa
            --state X       waiting, done, parked, dead or malformed
            --chat ID       everything of a Telegram chat
            --lane NAME     one lane by its whole name
            --since T       arrived at T or later: 2026-11-28T10:00:00Z, or 90m, 2h, 3d ago
            --until T       arrived before T
            --before ID     with a smaller id, to go on
          show ID           one event; --body with what was posted, which is personal data
          replay ID …       dispatches dead letters once more
          replay --dead     all of them, or those that fit: --source, --chat, --lane, --since, --until,
                            --error TEXT (the last error contains it)
        """

    /// - Throws: `OperatorError` that says which word is wrong.
    static func read(_ words: [String], now: Timestamp) throws(OperatorError) -> EventsWords {
        guard let command = words.first else { return .help }
        let options = try Options(of: command, Array(words.dropFirst()), now: now)
        switch command {
        case "list": return try list(options)
        case "show":
            guard options.plain.count == 1 else { throw wrong("show takes one id.") }
            return .show(try options.id(0), withBody: options.has("body"))
        case "replay": return try replay(options)
        case "help", "--help", "-h": return .help
        default: throw wrong("There is no command \"events \(command)\".")
        }
    }

    private static func list(_ options: Options) throws(OperatorError) -> EventsWords {
        guard options.plain.isEmpty else { throw wrong("list takes options only, not \"\(options.plain[0])\".") }
        let limit: Int? = try options.number("limit")
        guard limit.map({ $0 > 0 }) ?? true else { throw wrong("--limit must be above 0.") }
        return .list(
            ListEvents.Parameters(
                source: try options.choice("source"),
                state: try options.choice("state"),
                lane: options.text("lane"),
                chatID: try options.number("chat"),
                since: try options.time("since"),
                until: try options.time("until"),
                before: try options.number("before"),
                limit: limit
            ),
            asJSON: options.has("json")
        )
    }

    private static func replay(_ options: Options) throws(OperatorError) -> EventsWords {
        guard options.has("dead") else {
            guard !options.plain.isEmpty else { throw wrong("replay takes ids, or --dead.") }
            if let name = options.names.first { throw wrong("replay with ids takes no --\(name).") }
            var ids: [Int64] = []
            for index in options.plain.indices { ids.append(try options.id(index)) }
            return .replay(ids)
        }
        guard options.plain.isEmpty else { throw wrong("replay takes either ids or --dead.") }
        return .replayDead(
            ReplayDeadLetters.Input(
                source: try options.choice("source"),
                lane: options.text("lane"),
                chatID: try options.number("chat"),
                since: try options.time("since"),
                until: try options.time("until"),
                error: options.text("error"),
                diedBefore: options.now
            )
        )
    }

    fileprivate static func wrong(_ problem: String) -> OperatorError { OperatorError(problem, usage) }
}

/// `--name value`, `--flag` and plain words.
private struct Options {
    private static let flags: Set = ["json", "body", "dead"]
    /// What a command takes; a name that it would ignore could make it do more than was meant.
    private static let known: [String: Set<String>] = [
        "list": ["source", "state", "chat", "lane", "since", "until", "before", "limit", "json"],
        "show": ["body"],
        "replay": ["dead", "source", "chat", "lane", "since", "until", "error"],
    ]

    let now: Timestamp
    private(set) var plain: [String] = []
    private var values: [String: String] = [:]

    init(of command: String, _ words: [String], now: Timestamp) throws(OperatorError) {
        self.now = now
        let known = Self.known[command] ?? []
        var index = 0
        while index < words.count {
            let word = words[index]
            index += 1
            guard word.hasPrefix("--") else {
                plain.append(word)
                continue
            }
            let name = String(word.dropFirst(2))
            guard known.contains(name) else { throw EventsWords.wrong("events \(command) takes no \(word).") }
            if Self.flags.contains(name) {
                values[name] = ""
            } else {
                guard index < words.count else { throw EventsWords.wrong("\(word) needs a value.") }
                values[name] = words[index]
                index += 1
            }
        }
    }

    var names: [String] { values.keys.sorted() }
    func has(_ name: String) -> Bool { values[name] != nil }
    func text(_ name: String) -> String? { values[name] }

    func id(_ index: Int) throws(OperatorError) -> Int64 {
        guard let id = Int64(plain[index]), id > 0 else { throw EventsWords.wrong("\"\(plain[index])\" is no id.") }
        return id
    }

    func number<Number: FixedWidthInteger>(_ name: String) throws(OperatorError) -> Number? {
        guard let text = values[name] else { return nil }
        guard let number = Number(text) else { throw EventsWords.wrong("--\(name) needs a number, not \"\(text)\".") }
        return number
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String) throws(OperatorError) -> Choice? {
        guard let text = values[name] else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw EventsWords.wrong("--\(name) is one of \(known), not \"\(text)\".")
        }
        return choice
    }

    /// A moment, or how long ago.
    func time(_ name: String) throws(OperatorError) -> Timestamp? {
        guard let text = values[name] else { return nil }
        if let time = Timestamp(rfc3339: text) { return time }
        if let ago = Duration(configurationText: text) { return now - ago }
        throw EventsWords.wrong("--\(name) needs a time such as 2026-11-28T10:00:00Z or 2h, not \"\(text)\".")
    }
}
