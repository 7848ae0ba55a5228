internal import Concurrency
internal import Cryptography
internal import Foundation

/// Contents of files by their SHA-256, on disk or in memory.
///
/// Nothing is ever deleted but by `clear`; the sandbox's owner deletes the folder.
final class BlobStore: Sendable {
    /// Contents above this sum are refused when they are kept in memory, in bytes.
    static let memoryLimit = 512 << 20

    private let folder: String?
    private let memory = Locked<[String: [UInt8]]>([:])

    /// - Parameter folder: Where the files lie; nil keeps them in memory.
    init(folder: String?) throws {
        self.folder = folder
        if let folder { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
    }

    /// Stores a content.
    ///
    /// - Returns: Its SHA-256 in hexadecimal; the same content gives the same one.
    /// - Throws: If the disk or `memoryLimit` is full.
    func put(_ bytes: [UInt8]) throws -> String {
        let name = Hex.encode(SHA256.hash(bytes))
        if let folder {
            let path = folder + "/" + name
            if !FileManager.default.fileExists(atPath: path) {
                try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
            }
        } else {
            try memory.withLock { blobs in
                let stored = blobs.values.reduce(0) { $0 + $1.count }
                guard stored + bytes.count <= Self.memoryLimit else { throw BlobStoreFull() }
                blobs[name] = bytes
            }
        }
        return name
    }

    /// The content, nil if it was never stored.
    func get(_ name: String) -> [UInt8]? {
        guard let folder else { return memory.withLock { $0[name] } }
        // The name comes from our own records, but a path must never be built from anything but a hash.
        guard name.utf8.count == 64, name.allSatisfy(\.isHexDigit) else { return nil }
        return FileManager.default.contents(atPath: folder + "/" + name).map { [UInt8]($0) }
    }

    /// Forgets everything.
    func clear() {
        memory.withLock { $0 = [:] }
        guard let folder, let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
        for name in names {
            // A file that cannot be removed only takes room.
            try? FileManager.default.removeItem(atPath: folder + "/" + name)
        }
    }
}

/// The memory for file contents is used up.
struct BlobStoreFull: Error {}
