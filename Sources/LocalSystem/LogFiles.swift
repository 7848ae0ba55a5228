internal import Foundation

/// Keeps the children's logs within a bound.
package enum LogFiles {
    package static let maximumBytes = 64 << 20

    /// Copies a log that grew beyond the limit to `<name>.1` and empties it; its writer appends and notices nothing.
    /// What cannot be moved aside now is tried again a minute later.
    package static func trim(folder: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.hasSuffix(".log") {
            let path = "\(folder)/\(name)"
            let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber
            guard let size, size.intValue > maximumBytes else { continue }
            try? FileManager.default.removeItem(atPath: path + ".1")
            try? FileManager.default.copyItem(atPath: path, toPath: path + ".1")
            if let file = FileHandle(forWritingAtPath: path) { try? file.truncate(atOffset: 0) }
        }
    }
}
