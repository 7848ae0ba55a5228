internal import Contracts
internal import LocalSystem
internal import Time

/// Events as people read them.
enum EventsText {
    private static let longestError = 60

    /// A table, newest first.
    static func table(_ events: [EventRecord]) -> String {
        guard !events.isEmpty else { return "No such events." }
        let rows = events.map { event in
            [
                String(event.id), time(event.receivedAt), event.source.rawValue, event.kind, event.state.rawValue,
                event.attempts == 0 ? "" : String(event.attempts), event.lane, short(event.error ?? ""),
            ]
        }
        return TextTable([["id", "received (UTC)", "source", "kind", "state", "tries", "lane", "last error"]] + rows)
            .text
    }

    static func detail(_ found: GetEvent.Output) -> String {
        let event = found.event
        var rows = [
            ["id", String(event.id)], ["state", event.state.rawValue], ["received", time(event.receivedAt) + " UTC"],
            ["source", event.source.rawValue], ["kind", event.kind], ["lane", event.lane],
            ["tries", String(event.attempts)],
        ]
        if let error = event.error { rows.append(["last error", error]) }
        if let next = found.nextTryAt { rows.append(["next try", time(next) + " UTC"]) }
        if let bot = found.bot { rows.append(["bot", bot]) }
        if let update = found.updateID { rows.append(["update", String(update)]) }
        // The trace id finds every log line of this event in all services.
        if let trace = found.traceparent {
            rows.append(["trace", String(trace.split(separator: "-").dropFirst().first ?? "")])
        }
        rows.append(["body", "\(found.bodyBytes) bytes" + (found.body == nil ? " (--body shows it)" : "")])
        return TextTable(rows).text + (found.body.map { "\n\n\($0)" } ?? "")
    }

    /// `2026-11-28 10:00:00`, without fractions.
    static func time(_ time: Timestamp) -> String {
        String(time.description.prefix(19)).replacing("T", with: " ")
    }

    private static func short(_ text: String) -> String {
        text.count > longestError ? text.prefix(longestError - 1) + "…" : text
    }
}
