import Foundation
import HTTPServer
import Testing

/// One raw input with what must become of it, from Tests/Fixtures/http1 (README.md there says what the members mean).
struct RequestSample: Sendable, Decodable, CustomTestStringConvertible {
    let name: String
    /// Which RFC and section asks for the verdict.
    let rfc: String
    let bytes: RawText
    /// The requests that are accepted, in order.
    var accepted: [Meaning]?
    /// Why the next one is not.
    var refused: String?

    var testDescription: String { name }
    /// The requests as `ParsedInput` writes them.
    var requests: [String] { (accepted ?? []).map(\.text) }

    struct Meaning: Sendable, Decodable {
        let method: String
        let target: String
        var body: RawText?
        var closes: Bool?
        var expectsContinue: Bool?

        var text: String {
            let marks = (closes == true ? " close" : "") + (expectsContinue == true ? " continue" : "")
            return "\(method) \(target)\(marks) \(String(decoding: body?.bytes ?? [], as: UTF8.self))"
        }
    }

    /// Every sample, in the order of the files' names.
    static let all: [RequestSample] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/http1")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
                .filter { $0.pathExtension == "jsonl" }
                .sorted { $0.path < $1.path }
                .flatMap { file in
                    try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")).map { line in
                        try decoder.decode(RequestSample.self, from: line)
                    }
                }
        } catch {
            Issue.record("the corpus cannot be read: \(error)")
            return []
        }
    }()

    static let acceptedOnes = all.filter { $0.refused == nil }
}

/// Bytes written as text: a character up to U+00FF is a byte, and `["x", 100]` among the pieces is a repetition.
struct RawText: Sendable, Decodable {
    let bytes: [UInt8]

    init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            bytes = Self.latin(text)
            return
        }
        var pieces = try decoder.unkeyedContainer()
        var bytes: [UInt8] = []
        while !pieces.isAtEnd {
            if let text = try? pieces.decode(String.self) {
                bytes += Self.latin(text)
            } else {
                var repetition = try pieces.nestedUnkeyedContainer()
                let text = Self.latin(try repetition.decode(String.self))
                for _ in 0..<(try repetition.decode(Int.self)) { bytes += text }
            }
        }
        self.bytes = bytes
    }

    private static func latin(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }
}
