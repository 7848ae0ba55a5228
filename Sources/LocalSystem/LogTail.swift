internal import Foundation

/// The end of a log, for error texts.
package enum LogTail {
    package static func last(_ count: Int = 12, of text: String) -> String {
        text.split(separator: "\n").suffix(count).map { "    \($0)" }.joined(separator: "\n")
    }

    package static func last(_ count: Int = 12, ofFile path: String) -> String {
        last(count, of: (try? String(contentsOfFile: path, encoding: .utf8)) ?? "")
    }
}
