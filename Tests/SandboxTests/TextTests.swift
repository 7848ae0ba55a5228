import Contracts
import Testing

@testable import Sandbox

@Suite struct JSONTextTests {
    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "01", "1.", "-", "nul", "\"\\x\"", "\"\\ud83d\"", "\"\\ude00\"",
        "\"a\nb\"", "[1] 2", "{\"a\":1}}", "\u{FEFF}{}", "1e999",
    ])
    func `malformed text is refused`(text: String) {
        #expect(throws: JSONText.Malformed.self) { try JSONText.parse(text) }
    }

    @Test func `broken UTF-8 and deep nesting are refused`() {
        #expect(throws: JSONText.Malformed.self) { try JSONText.parse([0x22, 0xC3, 0x28, 0x22]) }
        let deep = String(repeating: "[", count: 129) + String(repeating: "]", count: 129)
        #expect(throws: JSONText.Malformed.self) { try JSONText.parse(deep) }
        #expect(throws: Never.self) { try JSONText.parse(String(deep.dropFirst().dropLast())) }
    }

    @Test func `what is written is read back, escaped or not`() throws {
        let value: JSONValue = [
            "text": "Кот 🐈 \"в\" \\ \u{1}\r\n", "numbers": [1, -5, .number(0.25), 9_007_199_254_740_993], "none": .null,
            "yes": true,
        ]
        #expect(try JSONText.parse(JSONText.write(value)) == value)
        let escaped = JSONText.write(value, escapingNonASCII: true)
        #expect(escaped.utf8.allSatisfy { $0 < 0x80 })
        #expect(escaped.contains("\\ud83d\\udc08"))
        #expect(try JSONText.parse(escaped) == value)
    }
}

@Suite struct HTMLTextTests {
    private func entity(_ type: String, _ offset: Int64, _ length: Int64) -> JSONValue {
        ["type": .string(type), "offset": .integer(offset), "length": .integer(length)]
    }

    @Test(arguments: [
        ("<b>x", "Can't find end tag corresponding to start tag \"b\""),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</i>", "Unmatched end tag at byte offset 4, expected \"</b>\", found \"</i>\""),
        ("<h1>x</h1>", "Unsupported start tag \"h1\" at byte offset 0"),
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("1 < 2", "Unclosed start tag at byte offset 2"),
        ("<span class=\"x\">y</span>", "Unsupported start tag \"span\""),
    ])
    func `bad markup is refused with Telegram's words`(source: String, text: String) {
        let error = #expect(throws: TelegramError.self) { try HTMLText.parse(source) }
        #expect(error?.code == 400)
        #expect(error?.description.contains("can't parse entities: \(text)") == true, "\(error?.description ?? "")")
    }

    @Test func `offsets count UTF-16 units`() throws {
        let parsed = try HTMLText.parse("🐈 <b>Кот</b> <i><u>и</u></i>")
        #expect(parsed.text == "🐈 Кот и")
        #expect(parsed.entities == [entity("bold", 3, 3), entity("italic", 7, 1), entity("underline", 7, 1)])
    }

    @Test func `only the known references are decoded`() throws {
        #expect(
            try HTMLText.parse("&lt;b&gt; &amp;amp; &quot; &#1078;&#x44F; &nbsp; & &x").text
                == "<b> &amp; \" жя &nbsp; & &x"
        )
    }

    @Test func `links, code and quotes keep their attributes`() throws {
        let link = try HTMLText.parse("<a href=\"https://x.y/?a=1&amp;b=2\">тут</a>")
        #expect(link.entities.first?["url"] == "https://x.y/?a=1&b=2")
        let code = try HTMLText.parse("<pre><code class=\"language-swift\">let x</code></pre>")
        #expect(code.entities.count == 1)
        #expect(code.entities.first?["language"] == "swift")
        #expect(
            try HTMLText.parse("<blockquote expandable>x</blockquote>").entities.first?["type"]
                == "expandable_blockquote"
        )
    }

    @Test func `white space at the ends goes and entities follow`() throws {
        let parsed = try HTMLText.parse("\n  <b> жирно </b>  \n")
        #expect(parsed.text == "жирно")
        #expect(parsed.entities == [entity("bold", 0, 5)])
        #expect(try HTMLText.parse(" <b> </b> ") == FormattedText())
    }

    @Test func `an empty tag leaves no entity`() throws {
        #expect(try HTMLText.parse("a<b></b>c").entities.isEmpty)
    }

    @Test func `commands and links in a person's text become entities`() {
        let text = UserText.format("🐈 /start@bot https://x.y /не")
        #expect(text.entities.map { $0["type"] } == ["bot_command", "url"])
        #expect(text.entities.first == entity("bot_command", 3, 10))
    }
}

@Suite struct FormTests {
    @Test func `parts of a form keep names, types and bytes`() throws {
        let body =
            Array("preamble\r\n--x\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n42\r\n--x\r\n".utf8)
            + Array(
                "Content-Disposition: form-data; name=\"photo\"; filename=\"a;\\\"b.png\"\r\nContent-Type: image/png\r\n\r\n"
                    .utf8
            )
            + [0, 13, 10, 45, 45, 255] + Array("\r\n--x--\r\n".utf8)
        let parts = try #require(Multipart.parse(body, boundary: "x"))
        #expect(parts.count == 2)
        #expect(parts[0] == FormPart(name: "chat_id", content: Array("42".utf8)))
        #expect(parts[1].fileName == "a;\"b.png")
        #expect(parts[1].contentType == "image/png")
        #expect(parts[1].content == [0, 13, 10, 45, 45, 255])
    }

    @Test(arguments: [
        "", "--x", "--x\r\n", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n",
        "--x\r\n\r\nno name\r\n--x--",
    ])
    func `a body that is cut off is refused`(body: String) {
        #expect(Multipart.parse(Array(body.utf8), boundary: "x") == nil)
    }

    @Test func `an empty part is a part`() throws {
        let body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--x--"
        #expect(Multipart.parse(Array(body.utf8), boundary: "x") == [FormPart(name: "a", content: [])])
    }

    @Test func `parameters read the same from query, form and JSON`() throws {
        let form = try Parameters(
            query: "a=1",
            contentType: "application/x-www-form-urlencoded",
            body: Array("b=%D0%B6+x&c=%7B%22d%22%3A2%7D".utf8)
        )
        let json = try Parameters(
            query: "a=1",
            contentType: "application/json; charset=utf-8",
            body: Array("{\"b\":\"ж x\",\"c\":{\"d\":2}}".utf8)
        )
        for parameters in [form, json] {
            #expect(parameters.integer("a") == 1)
            #expect(parameters.text("b") == "ж x")
            #expect(try parameters.structure("c") == ["d": 2])
        }
        #expect(throws: ParameterError.malformedBody) {
            try Parameters(query: "", contentType: "application/json", body: Array("{".utf8))
        }
    }
}
