import Contracts
import Testing
import Time

@Suite struct `The bytes of a batch of events` {
    private func event(_ body: String, _ micros: Int64) -> Event {
        Event(
            id: 42,
            source: .telegram,
            kind: "message",
            lane: "chat:main:7",
            receivedAt: .init(microseconds: micros),
            body: body
        )
    }

    @Test func `are those of the coder`() throws {
        var full = event(#"{"text":"Привет \\ \"you\" / 🐈"}"#, 1_795_200_000_123_456)
        full.bot = "main"
        full.updateID = 4_711
        full.token = "a\u{1}b\u{1f}c"
        full.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        full.attempt = 3
        let batch = EventBatch(events: [
            full, event("line\nline\r\ttab\u{7f}\u{0}", 1_795_200_000_000_000), event("", 1_795_200_000_000_001),
            event("{}", 1_795_200_001_999_999), event("{}", 0),
        ])
        #expect(batch.bytes == (try ContractJSON.encode(batch)))
        #expect(EventBatch(events: []).bytes == (try ContractJSON.encode(EventBatch(events: []))))
    }

    @Test(arguments: [
        #"{"verdicts":[{"id":1,"verdict":"ok"},{"id":922337203685477580,"verdict":"ok"}]}"#,
        #"{"verdicts":[]}"#, #"{"verdicts":[{"id":9223372036854775807,"verdict":"ok"}]}"#,
        #"{"verdicts":[{"verdict":"ok","id":7}]}"#, #" {"verdicts": [{"id": 1, "verdict": "ok", "new": []}]} "#,
        #"{"verdicts":[{"id":1,"verdict":"ok"},{"id":2,"verdict":"retry","retry_after_ms":5,"reason":"busy"}]}"#,
    ])
    func `and verdicts are read as the coder reads them`(text: String) throws {
        let read = try EventVerdicts(bytes: Array(text.utf8))
        #expect(read == (try ContractJSON.decode(EventVerdicts.self, from: Array(text.utf8))))
    }

    @Test(arguments: [
        "", "{}", #"{"verdicts":[{"id":1,"verdict":"ok"}"#, #"{"verdicts":[{"id":1,"verdict":"ok"}]}}"#,
        #"{"verdicts":[{"id":,"verdict":"ok"}]}"#, #"{"verdicts":[{"id":1,"verdict":"ok"},]}"#,
    ])
    func `and refused as the coder refuses them`(text: String) {
        #expect(throws: (any Error).self) { _ = try EventVerdicts(bytes: Array(text.utf8)) }
    }
}
