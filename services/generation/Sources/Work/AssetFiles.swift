internal import Concurrency
internal import Contracts
internal import Foundation
internal import Glibc
internal import ObjectStorage

/// The asset store: a folder, or a bucket with the folder as the place where files pass through. Paths are below it, spread
/// over 256 folders by the last byte of the asset's id; a bucket's keys are the same paths.
struct AssetFiles: Sendable {
    let root: String
    /// nil: the folder is the store, shared by all instances.
    var bucket: ObjectBucket?

    /// Where an asset's file is, relative to the folder. The same for every try.
    func path(of id: AssetID) -> String {
        let text = id.description
        return "\(text.suffix(2))/\(text)"
    }

    func absolute(_ path: String) -> String { "\(root)/\(path)" }

    /// Makes the folder that a path lies in. Blocks for a moment only the first 256 times.
    func makeFolder(for path: String) async throws {
        let folder = URL(filePath: absolute(path)).deletingLastPathComponent().path
        try await BlockingExecutor.shared.run {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
    }

    /// The start of a file, for looking at its type.
    func head(of path: String) async throws -> [UInt8] {
        let file = absolute(path)
        return try await BlockingExecutor.shared.run {
            let handle = try FileHandle(forReadingFrom: URL(filePath: file))
            defer { try? handle.close() }  // Nothing was written, so nothing can be lost.
            return [UInt8](try handle.read(upToCount: MediaFacts.headBytes) ?? Data())
        }
    }

    /// Removes a file that turned out to be useless from the folder.
    func remove(_ path: String) async {
        let file = absolute(path)
        // A file that stays costs only space.
        _ = try? await BlockingExecutor.shared.run { try FileManager.default.removeItem(atPath: file) }
    }

    /// Writes a small file so that it survives a power cut.
    func write(_ bytes: [UInt8], to path: String) async throws {
        let file = absolute(path)
        try await BlockingExecutor.shared.run {
            let partial = URL(filePath: file + ".part")
            try Data(bytes).write(to: partial)
            let handle = try FileHandle(forUpdating: partial)
            defer { try? handle.close() }  // Synchronised before; closing can lose nothing.
            try handle.synchronize()
            guard unsafe rename(partial.path, file) == 0 else { throw CocoaError(.fileWriteUnknown) }
        }
    }

    /// The size of a stored file; nil if it is not there.
    func size(of path: String) -> Int64? {
        var facts = stat()
        guard unsafe stat(absolute(path), &facts) == 0 else { return nil }
        return Int64(facts.st_size)
    }
}
