internal import Time

// Batches of events and their verdicts are the busiest bodies of all. They are written and read here without the coder's
// trees; tests hold the bytes against `ContractJSON`.

extension EventBatch {
    /// The same bytes as `ContractJSON.encode`, made in one pass.
    package var bytes: [UInt8] {
        var writer = EventWriter()
        writer.bytes.reserveCapacity(events.reduce(32) { $0 + $1.body.utf8.count * 3 / 2 + 512 })
        writer.raw(#"{"events":["#)
        for (index, event) in events.enumerated() {
            if index > 0 { writer.raw(",") }
            writer.write(event)
        }
        writer.raw("]}")
        return writer.bytes
    }
}

/// Writes events as JSON: members sorted by name, absent ones left out.
private struct EventWriter {
    var bytes: [UInt8] = []
    /// Events of a batch arrived within a few seconds: the date is made once for each.
    private var second: (number: Int64, text: String) = (.min, "")

    mutating func write(_ event: Event) {
        raw(#"{"attempt":"#)
        number(Int64(event.attempt))
        raw(#","body":"#)
        text(event.body)
        if let bot = event.bot {
            raw(#","bot":"#)
            text(bot)
        }
        raw(#","id":"#)
        number(event.id)
        raw(#","kind":"#)
        text(event.kind)
        raw(#","lane":"#)
        text(event.lane)
        raw(#","received_at":"#)
        time(event.receivedAt)
        raw(#","source":"#)
        text(event.source.rawValue)
        if let token = event.token {
            raw(#","token":"#)
            text(token)
        }
        if let traceparent = event.traceparent {
            raw(#","traceparent":"#)
            text(traceparent)
        }
        if let updateID = event.updateID {
            raw(#","update_id":"#)
            number(updateID)
        }
        raw("}")
    }

    mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func number(_ value: Int64) { bytes.append(contentsOf: String(value).utf8) }

    private mutating func text(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20: control(byte)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func control(_ byte: UInt8) {
        switch byte {
        case 0x0A: raw(#"\n"#)
        case 0x0D: raw(#"\r"#)
        case 0x09: raw(#"\t"#)
        default: raw((byte < 0x10 ? #"\u000"# : #"\u00"#) + String(byte, radix: 16))
        }
    }

    private mutating func time(_ time: Timestamp) {
        let seconds = time.microseconds / 1_000_000 - (time.microseconds % 1_000_000 < 0 ? 1 : 0)
        if second.number != seconds {
            second = (seconds, String(Timestamp(microseconds: seconds * 1_000_000).description.dropLast()))
        }
        raw("\"")
        raw(second.text)
        let fraction = time.microseconds - seconds * 1_000_000
        if fraction != 0 {
            raw(".")
            raw(String(String(1_000_000 + fraction).dropFirst()))
        }
        raw("Z\"")
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
