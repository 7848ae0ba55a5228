internal import Contracts
internal import Foundation

/// Results that are words and no file: lyrics, a transcript, a style. They travel as `data:` addresses, so that they are
/// stored, charged and delivered like any other result.
enum ResultText {
    private static let prefix = "data:text/plain;base64,"
    /// Longer texts are no text for a chat.
    private static let maximumBytes = 1 << 20

    /// The address of the words in a result; nil if it has none.
    static func find(in result: JSONValue) -> String? {
        let inner = result["resultObject"] ?? result
        let texts = versions(inner).filter { !$0.isEmpty }
        guard !texts.isEmpty else { return nil }
        let text = texts.joined(separator: "\n\n———\n\n")
        guard text.utf8.count <= maximumBytes else { return nil }
        return prefix + Data(text.utf8).base64EncodedString()
    }

    private static func versions(_ value: JSONValue) -> [String] {
        if let lyrics = (value["lyricsData"] ?? value["data"])?.array {
            return lyrics.compactMap { version in
                guard let text = version["text"]?.string, !text.isEmpty else { return nil }
                return version["title"]?.string.map { $0.isEmpty ? text : "\($0)\n\n\(text)" } ?? text
            }
        }
        return (value["text"] ?? value["result"])?.string.map { [$0] } ?? []
    }

    /// The words behind an address of ours; nil for any other address.
    static func bytes(of address: String) -> [UInt8]? {
        guard address.hasPrefix(prefix) else { return nil }
        return Data(base64Encoded: String(address.dropFirst(prefix.count))).map { [UInt8]($0) }
    }
}
