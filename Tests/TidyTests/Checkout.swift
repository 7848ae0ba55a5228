import Foundation

/// The files of the checkout that the rules look at.
enum Checkout {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    struct File: Sendable {
        /// From the root on, e.g. `Sources/Time/Timestamp.swift`.
        let path: String
        let lines: [Substring]
        /// The lines without comments and the contents of strings.
        let code: [Substring]

        init(path: String, text: String) {
            self.path = path
            self.lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            self.code = path.hasSuffix(".swift") ? CodeLines.of(text) : []
        }
    }

    /// Text files under the folders, without build products.
    static func files(in folders: [String], endingIn endings: [String]) throws -> [File] {
        var files: [File] = []
        for folder in folders {
            guard let paths = FileManager.default.enumerator(atPath: "\(root)/\(folder)") else { continue }
            for case let path as String in paths where endings.contains(where: { path.hasSuffix($0) }) {
                if path.split(separator: "/").contains(where: { $0.hasPrefix(".build") }) { continue }
                let data = try Data(contentsOf: URL(filePath: "\(root)/\(folder)/\(path)"))
                files.append(File(path: "\(folder)/\(path)", text: String(decoding: data, as: UTF8.self)))
            }
        }
        return files.sorted { $0.path < $1.path }
    }

    /// Every Swift file, read once for all rules.
    static let swiftFiles = Result {
        try files(in: ["Sources", "Tests", "services", "loadtest"], endingIn: [".swift"])
    }
}
