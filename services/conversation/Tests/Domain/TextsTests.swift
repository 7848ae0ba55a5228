import Contracts
import Foundation
import Testing

@testable import ConversationService

@Suite struct TextsTests {
    static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    /// Path below Sources and content of every source file.
    static func files() throws -> [(path: String, text: String)] {
        let found = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        return try (found?.allObjects ?? []).compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
            .map { (String($0.path.dropFirst(sources.path.count + 1)), try String(contentsOf: $0, encoding: .utf8)) }
    }

    static func placeholders(_ text: String) -> Set<String> {
        Set(text.matches(of: /\{([a-z]+)\}/).map { String($0.output.1) })
    }

    @Test(arguments: TextKey.allCases)
    func `every text exists in both languages with the same arguments`(key: TextKey) {
        let russian = Texts(.russian).template(key)
        let english = Texts(.english).template(key)
        #expect(!russian.isEmpty && !english.isEmpty)
        #expect(Self.placeholders(russian) == Self.placeholders(english))
        #expect(russian.unicodeScalars.count <= 1_500 && english.unicodeScalars.count <= 1_500)
        #expect(russian.filter { $0 == "<" }.count == english.filter { $0 == "<" }.count)
    }

    @Test(arguments: TextKey.allCases.filter { $0.rawValue.hasPrefix("toast") })
    func `toasts are plain and short`(key: TextKey) {
        for language in Language.allCases {
            let text = Texts(language).template(key)
            #expect(!text.contains("<") && text.unicodeScalars.count <= 120)
        }
    }

    @Test func `every text is used`() throws {
        let code = try Self.files().filter {
            !$0.path.hasPrefix("Texts/TextKey") && !$0.path.hasPrefix("Texts/Texts+Russian")
                && !$0.path.hasPrefix("Texts/Texts+English")
        }.map(\.text).joined()
        let used = Set(code.matches(of: /\.([a-z][A-Za-z]+)\b/).map { String($0.output.1) })
        let unused = TextKey.allCases.map(\.rawValue).filter { !used.contains($0) }
        #expect(unused.isEmpty)
    }

    @Test func `no sentence stands outside Texts`() throws {
        for (path, text) in try Self.files() where !path.hasPrefix("Texts/") {
            let cyrillic = text.unicodeScalars.contains { (0x0400...0x04FF).contains($0.value) }
            let lines = text.split(separator: "\n").filter { !$0.contains("///") && !$0.contains("//") }
            let isOnlyInComments = !lines.joined().unicodeScalars.contains { (0x0400...0x04FF).contains($0.value) }
            #expect(!cyrillic || isOnlyInComments, "\(path) holds Russian words")
        }
    }

    @Test(arguments: [
        (0, "0 заданий"), (1, "1 задание"), (2, "2 задания"), (4, "4 задания"), (5, "5 заданий"), (11, "11 заданий"),
        (12, "12 заданий"), (14, "14 заданий"), (21, "21 задание"), (22, "22 задания"), (111, "111 заданий"),
        (101, "101 задание"), (112, "112 заданий"),
    ])
    func `Russian counts by its rules`(count: Int, text: String) {
        #expect(Texts(.russian).plural(.job, count).replacing("\u{A0}", with: " ") == text)
    }

    @Test(arguments: [(1, "1 картинку"), (2, "2 картинки"), (5, "5 картинок"), (62, "62 картинки")])
    func `what a sum is enough for stands in its case`(count: Int, text: String) {
        let pictures = Texts(.russian).plural(.pictureWanted, count)
        #expect(pictures.replacing("\u{A0}", with: " ") == text)
        let line = Texts(.russian).plain(.worth, ["sum": "500 ₽", "pictures": pictures])
        #expect(line.replacing("\u{A0}", with: " ") == "500 ₽ хватит примерно на \(text)")
    }

    @Test(arguments: [
        (InputProblem.Reason.tooShort, 1.0, "1 знака"), (.tooShort, 5, "5 знаков"), (.tooShort, 21, "21 знака"),
        (.tooLong, 1, "1 знак"), (.tooLong, 42, "42 знака"), (.outOfRange, 0.5, "0.5"),
    ])
    func `a bound agrees with its unit`(reason: InputProblem.Reason, bound: Double, text: String) {
        #expect(Texts(.russian).limit(bound, of: reason).replacing("\u{A0}", with: " ") == text)
    }

    @Test(arguments: Language.allCases)
    func `notices lead to screens that have what they speak of`(language: Language) {
        let texts = Texts(language)
        let unknown = texts.template(.noticeUnknownCommand)
        #expect(unknown.contains("/help") && !unknown.hasSuffix(":"), "any screen may follow, not only a list")
        #expect(texts.template(.help).contains("/support"))
        let frozen = texts.template(.noticeAccountFrozen)
        #expect(
            frozen.contains(language == .russian ? "Куда обратиться" : "Whom to ask"),
            "nobody reads what is sent there"
        )
    }

    @Test func `what a user writes is never taken for a place in a text`() {
        let texts = Texts(.russian)
        // Dictionaries come in any order: none of them may matter.
        for _ in 0..<20 {
            let values = [
                "n": "1", "model": "{state} {n}", "state": "{price}", "price": "{prompt}", "prompt": "{model} {",
            ]
            let row = texts.html(.jobRow, values.mapValues { .text($0) })
            #expect(row == "1. <b>{state} {n}</b> · {price} · {prompt}\n<i>{model} {</i>")
            #expect(texts.plain(.chip, ["name": "{value}", "value": "{name}"]) == "{value}: {name}")
        }
        #expect(texts.plain(.priceFrom) == "от {price}")
    }

    @Test(arguments: [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs")])
    func `English counts by its rules`(count: Int, text: String) {
        #expect(Texts(.english).plural(.job, count).replacing("\u{A0}", with: " ") == text)
    }

    @Test(arguments: [
        (Int64(0), "0 ₽", "0 ₽"), (5, "0,05 ₽", "0.05 ₽"), (1_250, "12,50 ₽", "12.50 ₽"), (1_400, "14 ₽", "14 ₽"),
        (-1_400, "−14 ₽", "−14 ₽"), (123_456_789, "1 234 567,89 ₽", "1,234,567.89 ₽"), (100_000, "1 000 ₽", "1,000 ₽"),
        (.min, "−92 233 720 368 547 758,08 ₽", "−92,233,720,368,547,758.08 ₽"),
    ])
    func `money is written as people read it`(kopecks: Int64, russian: String, english: String) {
        #expect(Texts(.russian).money(kopecks).replacing("\u{A0}", with: " ") == russian)
        #expect(Texts(.english).money(kopecks).replacing("\u{A0}", with: " ") == english)
    }

    @Test func `every symbol is escaped`() {
        #expect(Texts.escape("<b>&amp;\"'</b>\u{0}\u{1B}\n") == "&lt;b&gt;&amp;amp;\"'&lt;/b&gt;\n")
        for value in UInt32(0)...0x2FF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let escaped = Texts.escape(String(Character(scalar)))
            #expect(!escaped.contains("<") && !escaped.contains(">"))
            #expect(!escaped.contains("&") || ["&amp;", "&lt;", "&gt;"].contains(escaped))
        }
    }

    @Test func `shortening counts UTF-16 units and never splits a character`() {
        let family = "👨‍👩‍👧‍👦"
        let long = String(repeating: family, count: 100)
        let short = Texts.shortened(long, to: 300)
        #expect(short.utf16.count <= 300)
        #expect(short.hasSuffix("…") && short.dropLast().allSatisfy { $0 == Character(family) })
        #expect(Texts.shortened("лиса", to: 4) == "лиса")
    }

    @Test(
        arguments: [
            ("ru", Language.russian), ("ru-RU", .russian), ("uk", .russian), ("en", .english), ("pt-br", .english),
            (nil, .russian), ("", .russian),
        ] as [(String?, Language)]
    )
    func `the language follows the client's`(tag: String?, language: Language) {
        #expect(Language(tag: tag) == language)
    }
}
