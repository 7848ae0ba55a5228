internal import Time

// Batches of events and their verdicts are the busiest bodies of all. They are written and read here without the coder's
// trees; tests hold the bytes against `ContractJSON`.

extension EventBatch {
    /// The same bytes as `ContractJSON.encode`, made in one pass.
    package var bytes: [UInt8] {
        let capacity = events.reduce(16) { $0 + EventWriter.maximumBytes($1) }
        return Array(capacity: capacity) { output in
            var second = EventWriter.Second()
            EventWriter.raw(#"{"events":["#, &output)
            for (index, event) in events.enumerated() {
                if index > 0 { EventWriter.raw(",", &output) }
                EventWriter.write(event, &second, &output)
            }
            EventWriter.raw("]}", &output)
        }
    }
}

/// Writes events as JSON: members sorted by name, absent ones left out.
private enum EventWriter {
    /// Events of a batch arrived within a few seconds: the date is made once for each.
    struct Second {
        var number = Int64.min
        var text = ""
    }

    /// Names, numbers and the time of an event, all at their longest.
    private static let fixedBytes = 320

    /// More than `write` appends for it.
    static func maximumBytes(_ event: Event) -> Int {
        let names =
            event.kind.utf8.count + event.lane.utf8.count + (event.bot?.utf8.count ?? 0)
            + (event.token?.utf8.count ?? 0)
            + (event.traceparent?.utf8.count ?? 0)
        return fixedBytes + names * 6 + escapedBytes(event.body)
    }

    static func write(_ event: Event, _ second: inout Second, _ output: inout OutputSpan<UInt8>) {
        raw(#"{"attempt":"#, &output)
        number(Int64(event.attempt), &output)
        raw(#","body":"#, &output)
        text(event.body, &output)
        if let bot = event.bot {
            raw(#","bot":"#, &output)
            text(bot, &output)
        }
        raw(#","id":"#, &output)
        number(event.id, &output)
        raw(#","kind":"#, &output)
        text(event.kind, &output)
        raw(#","lane":"#, &output)
        text(event.lane, &output)
        raw(#","received_at":"#, &output)
        time(event.receivedAt, &second, &output)
        raw(#","source":"#, &output)
        text(event.source.rawValue, &output)
        if let token = event.token {
            raw(#","token":"#, &output)
            text(token, &output)
        }
        if let traceparent = event.traceparent {
            raw(#","traceparent":"#, &output)
            text(traceparent, &output)
        }
        if let updateID = event.updateID {
            raw(#","update_id":"#, &output)
            number(updateID, &output)
        }
        raw("}", &output)
    }

    static func raw(_ text: String, _ output: inout OutputSpan<UInt8>) {
        let bytes = text.utf8.span
        for index in bytes.indices { output.append(bytes[index]) }
    }

    private static func number(_ value: Int64, _ output: inout OutputSpan<UInt8>) { raw(String(value), &output) }

    private static func escapedBytes(_ text: String) -> Int {
        let bytes = text.utf8.span
        var count = bytes.count
        for index in bytes.indices {
            let byte = bytes[index]
            // Without a look at overflow, so that the compiler takes many bytes at once.
            count &+= byte < 0x20 ? 5 : byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? 1 : 0
        }
        return count
    }

    private static func text(_ text: String, _ output: inout OutputSpan<UInt8>) {
        output.append(UInt8(ascii: "\""))
        let bytes = text.utf8.span
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                output.append(UInt8(ascii: "\\"))
            } else if byte < 0x20 {
                control(byte, &output)
                continue
            }
            output.append(byte)
        }
        output.append(UInt8(ascii: "\""))
    }

    private static func control(_ byte: UInt8, _ output: inout OutputSpan<UInt8>) {
        switch byte {
        case 0x0A: raw(#"\n"#, &output)
        case 0x0D: raw(#"\r"#, &output)
        case 0x09: raw(#"\t"#, &output)
        default: raw((byte < 0x10 ? #"\u000"# : #"\u00"#) + String(byte, radix: 16), &output)
        }
    }

    private static func time(_ time: Timestamp, _ second: inout Second, _ output: inout OutputSpan<UInt8>) {
        let seconds = time.microseconds / 1_000_000 - (time.microseconds % 1_000_000 < 0 ? 1 : 0)
        if second.number != seconds {
            let text = String(Timestamp(microseconds: seconds * 1_000_000).description.dropLast())
            second = Second(number: seconds, text: text)
        }
        raw("\"", &output)
        raw(second.text, &output)
        let fraction = time.microseconds - seconds * 1_000_000
        if fraction != 0 {
            raw(".", &output)
            raw(String(String(1_000_000 + fraction).dropFirst()), &output)
        }
        raw("Z\"", &output)
    }
}

extension EventVerdicts {
    /// What `ContractJSON.decode` reads, and at once if all verdicts are `ok` in the form in which Atelier's services write it.
    ///
    /// - Throws: `DecodingError`.
    package init(bytes: [UInt8]) throws {
        var reader = OkReader(bytes)
        if let ids = reader.read() {
            self.init(verdicts: ids.map { EventVerdict(id: $0, verdict: .ok) })
        } else {
            self = try ContractJSON.decode(EventVerdicts.self, from: bytes)
        }
    }
}

/// Reads `{"verdicts":[{"id":1,"verdict":"ok"},…]}` and nothing else.
private struct OkReader {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func read() -> [Int64]? {
        var ids: [Int64] = []
        guard skip(#"{"verdicts":["#) else { return nil }
        while true {
            guard skip(#"{"id":"#), let id = number(), skip(#","verdict":"ok"}"#) else { return nil }
            ids.append(id)
            if skip(",") { continue }
            return skip("]}") && at == bytes.count ? ids : nil
        }
    }

    private mutating func skip(_ text: String) -> Bool {
        let end = at + text.utf8.count
        guard end <= bytes.count, bytes[at..<end].elementsEqual(text.utf8) else { return false }
        at = end
        return true
    }

    /// Up to 18 digits, which can't overflow; more is left to the coder.
    private mutating func number() -> Int64? {
        let start = at
        var value: Int64 = 0
        while at < bytes.count, at - start < 18, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) {
            value = value * 10 + Int64(bytes[at] - UInt8(ascii: "0"))
            at += 1
        }
        return at > start ? value : nil
    }
}
