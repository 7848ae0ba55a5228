import Contracts
import Testing
import Time

/// The coder that all contract types go through.
@Suite struct ContractJSONTests {
    private func text(_ value: some Encodable) throws -> String {
        String(decoding: try ContractJSON.encode(value), as: UTF8.self)
    }

    private func parse(_ text: String) throws -> JSONValue { try ContractJSON.decode(JSONValue.self, from: text.utf8) }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "[1 2]", "01", "-", "1.", "1e", ".5", "+1", "nul", "truE", "'a'",
        "\"a", "\"\\x\"", "\"\\u12G4\"", "\"\u{1}\"", "{\"a\" 1}", "{}{}", "1 x", "1e999", "NaN", "[\"a\"", "\u{FEFF}1",
    ])
    func `text that is not JSON is refused`(text: String) {
        #expect(throws: DecodingError.self) { try parse(text) }
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: DecodingError.self) { try ContractJSON.decode(JSONValue.self, from: [0x22, 0xFF, 0x22]) }
    }

    @Test func `a nesting bomb is refused`() {
        let bomb = String(repeating: "[", count: 100_000)
        #expect(throws: DecodingError.self) { try parse(bomb) }
        #expect(throws: Never.self) {
            try parse(String(repeating: "[", count: 120) + String(repeating: "]", count: 120))
        }
    }

    @Test(arguments: [
        ("9223372036854775807", JSONValue.integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("5.0", .integer(5)),
        ("5e2", .integer(500)), ("-0", .integer(0)), ("0.5", .number(0.5)), ("9223372036854775808", .number(0x1p63)),
        ("1E-2", .number(0.01)),
    ])
    func `numbers keep their value`(text: String, value: JSONValue) throws {
        #expect(try parse(text) == value)
    }

    @Test func `strings survive in both directions`() throws {
        let hard = "\u{0}\u{1}\u{1F}\"\\/\n\r\t\u{7F}é€😀\u{2028}"
        #expect(try ContractJSON.decode(String.self, from: ContractJSON.encode(hard)) == hard)
        #expect(try parse(#""\b\f\/\u00e9\ud83d\ude00""#) == .string("\u{8}\u{C}/é😀"))
    }

    @Test(arguments: [#""\ud83d""#, #""\ude00""#, #""\ud83dx""#, #""\ud83d\n""#])
    func `half a surrogate pair becomes a replacement character`(text: String) throws {
        #expect(try parse(text).string?.contains("\u{FFFD}") == true)
    }

    @Test func `equal values give equal bytes`() throws {
        let left: JSONValue = ["b": 1, "a": [.number(5), .number(0.1)], "c": ["z": .null, "y": "/"]]
        let right = try parse(#" { "c":{"y":"\/","z":null} ,"a":[5e0,0.10],"b":1.0 } "#)
        #expect(try text(left) == #"{"a":[5,0.1],"b":1,"c":{"y":"/","z":null}}"#)
        #expect(try text(right) == text(left))
    }

    @Test func `property names change their spelling, dictionary keys do not`() throws {
        struct Both: Codable, Equatable {
            var callbackQueryID: String
            var imageURLs: [String: [String: Int64]]
            var payURL: String?
        }
        let both = Both(callbackQueryID: "1", imageURLs: ["image_urls": ["aspectRatio": 1]])
        #expect(
            try text(both) == #"{"callback_query_id":"1","image_urls":{"image_urls":{"aspectRatio":1}}}"#
        )
        #expect(try ContractJSON.decode(Both.self, from: ContractJSON.encode(both)) == both)
    }

    @Test func `null and absence are the same for an optional member`() throws {
        let text = #"{"callback_query_id":"1","text":null,"is_alert":true}"#
        let input = try ContractJSON.decode(AnswerCallback.Input.self, from: text.utf8)
        #expect(input == .init(callbackQueryID: "1", isAlert: true))
    }

    @Test func `of two members with one name the last counts`() throws {
        let text = #"{"is_reachable":true,"is_reachable":false}"#
        #expect(try !ContractJSON.decode(SetChatReachability.Input.self, from: text.utf8).isReachable)
        #expect(try parse(#"{"a":1,"a":2}"#) == ["a": 2])
    }

    @Test(arguments: [
        (#"{"events":[{"id":"x"}]}"#, ["events", "Index 0", "id"]), (#"{"events":{}}"#, ["events"]),
        (#"{"events":[{"id":1}]}"#, ["events", "Index 0"]),
        (#"{"events":[{"id":1e30}]}"#, ["events", "Index 0", "id"]),
        (#"{"events":[null]}"#, ["events", "Index 0"]), (#"[]"#, []),
    ])
    func `an error names the member as the text does`(text: String, path: [String]) throws {
        do {
            _ = try ContractJSON.decode(EventBatch.self, from: text.utf8)
            Issue.record("decoded")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.keyNotFound(_, let context),
            DecodingError.dataCorrupted(let context), DecodingError.valueNotFound(_, let context)
        {
            #expect(context.codingPath.map(\.stringValue) == path)
        }
    }

    @Test func `a number that JSON cannot say is refused`() {
        #expect(throws: EncodingError.self) { try text(InputProblem(name: "x", reason: .missing, limit: .infinity)) }
        #expect(throws: EncodingError.self) { try text(["x": UInt64.max]) }
    }

    @Test func `top-level scalars and arrays work`() throws {
        #expect(try text([1, 2] as [Int64]) == "[1,2]")
        #expect(try text(HoldEnd.live) == "\"live\"")
        #expect(try text(Empty()) == "{}")
        #expect(try ContractJSON.decode([HoldEnd].self, from: #"["live","charged"]"#.utf8) == [.live, .charged])
        #expect(throws: DecodingError.self) { try ContractJSON.decode(Empty.self, from: "[]".utf8) }
    }

    @Test func `ids are written small and read in any case`() throws {
        let id = try #require(HoldID("01A1FC05-B2E8-7415-A5F9-00000000AB01"))
        #expect(id.description == "01a1fc05-b2e8-7415-a5f9-00000000ab01")
        #expect(HoldID(id.description) == id)
    }

    @Test func `new ids sort by time`() {
        let early = JobID(now: Timestamp(microseconds: 1_000_000))
        let late = JobID(now: Timestamp(microseconds: 1_000_001))
        #expect(early < late)
        #expect(early.description < late.description)
    }

    @Test func `a callback token survives its text form and nothing else is one`() throws {
        let token = CallbackToken(attempt: HoldID().uuid, signature: Array(0..<64))
        #expect(token.text.utf8.count == 107)
        #expect(CallbackToken(token.text) == token)
        for bad in ["", String(token.text.dropLast()), token.text + "A", token.text.dropLast() + "+"] {
            #expect(CallbackToken(bad) == nil)
        }
    }
}
