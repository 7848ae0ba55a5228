import Testing

@testable import IngressService

@Suite struct `A walk over JSON` {
    @Test(arguments: [
        "{}", "[]", "1", "-0.5e+10", "\"\"", "true", " {\"a\" : [1, {\"b\":null}] } ", "{\"a\":\"\\ud83d\\ude80\\n\"}",
        "{\"имя\":\"Алёна 🚀\"}", "[[[[[[]]]]]]",
    ])
    func `accepts what RFC 8259 allows`(text: String) {
        let isValid = JSONOutline.walk(Array(text.utf8)) { _, _, _ in }
        #expect(isValid)
    }

    @Test(arguments: [
        "", " ", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "01", "1.", ".5", "+1", "1e", "nul", "True",
        "'a'", "\"a", "\"\t\"", "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "{} {}", "{a:1}", "NaN",
        "\u{FEFF}{}",
    ])
    func `refuses everything else`(text: String) {
        let isValid = JSONOutline.walk(Array(text.utf8)) { _, _, _ in }
        #expect(!isValid)
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0xAF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80],
            [0xE2, 0x82], [0x80],
        ] as [[UInt8]]
    )
    func `refuses bytes that are not UTF-8`(bytes: [UInt8]) {
        let isValid = JSONOutline.walk([UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]) { _, _, _ in }
        #expect(!isValid)
    }

    @Test func `stops at its depth instead of at the end of the stack`() {
        let deep = String(repeating: "[", count: 100_000)
        let isValid = JSONOutline.walk(Array(deep.utf8)) { _, _, _ in }
        #expect(!isValid)
        let allowed =
            String(repeating: "[", count: JSONOutline.maximumDepth)
            + String(repeating: "]", count: JSONOutline.maximumDepth)
        let isShallowValid = JSONOutline.walk(Array(allowed.utf8)) { _, _, _ in }
        #expect(isShallowValid)
    }

    @Test func `reports members with their paths, and items of arrays as nobody's members`() {
        var seen: [String] = []
        let body = Array("{\"a\":{\"b\":7},\"c\":[{\"id\":1}]}".utf8)
        _ = JSONOutline.walk(body) { path, value, _ in
            guard value.kind == .number else { return }
            seen.append(
                (0..<path.depth).map { String(decoding: body[path.name(at: $0)], as: UTF8.self) }.joined(separator: ".")
            )
        }
        #expect(seen == ["a.b", "c..id"])
    }
}
