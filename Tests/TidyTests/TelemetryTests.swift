import Foundation
import Testing

/// docs/telemetry.md and the code name the same metrics.
@Suite struct TelemetryTests {
    private static func metrics(in text: String, before mark: String) -> Set<String> {
        // A name is what follows the mark up to its closing quote or backtick; spaces and line breaks may lie between.
        var names: Set<String> = []
        for part in text.components(separatedBy: mark).dropFirst() {
            let rest = part.drop { $0.isWhitespace || $0 == "\"" }
            let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            if name.hasPrefix("atelier_") { names.insert(String(name)) }
        }
        return names
    }

    private static func registered() throws -> Set<String> {
        var names: Set<String> = []
        for file in try Checkout.swiftFiles.get()
        where file.path.hasPrefix("Sources/") || file.path.contains("/Sources/") {
            let text = file.lines.joined(separator: "\n")
            for mark in ["counter(", "gauge(", "histogram("] { names.formUnion(metrics(in: text, before: mark)) }
        }
        return names
    }

    private static func documented() throws -> Set<String> {
        let page = try String(contentsOfFile: "\(Checkout.root)/docs/telemetry.md", encoding: .utf8)
        return metrics(in: page, before: "| `")
    }

    @Test func `every metric in the code is on the page`() throws {
        let registered = try Self.registered()
        #expect(registered.count > 90, "the code was not found")
        #expect(registered.subtracting(try Self.documented()).sorted() == [])
    }

    @Test func `every metric on the page is in the code`() throws {
        #expect(try Self.documented().subtracting(Self.registered()).sorted() == [])
    }
}
