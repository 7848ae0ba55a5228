internal import Concurrency
internal import Contracts
internal import Cryptography
internal import Foundation
internal import HTTP
internal import ObjectStorage
internal import Time

/// The asset store's bytes on their way in and out, wherever they are kept.
extension AssetFiles {
    /// The most that is held in memory for one reader.
    static let pieceBytes: Int64 = 4 << 20

    /// A file's bytes are not there.
    struct Missing: Error {}

    /// Hands a whole file of the folder over to the store, if that is a bucket, and removes it here. May be repeated.
    ///
    /// - Parameter sha256: Lower-case hex of the file's hash.
    func keep(_ path: String, sha256: String, bytes: Int64, mimeType: String) async throws(ObjectStoreError) {
        guard let bucket else { return }
        try await bucket.put(file: absolute(path), as: path, sha256: sha256, bytes: bytes, contentType: mimeType)
        await remove(path)
    }

    /// Runs `body` with a local file that has an asset's bytes.
    ///
    /// - Throws: `Missing` if the store has none, `ObjectStoreError` if it can't be read now, or what `body` throws.
    func withLocal<Value>(_ row: AssetRow, _ body: (String) async throws -> Value) async throws -> Value {
        guard let bucket else { return try await body(absolute(row.path)) }
        // A name of its own, because several jobs may use one input at once.
        let copy = "\(row.path).\(Base62.random(12)).copy"
        try await makeFolder(for: copy)
        do throws(ObjectStoreError) {
            try await bucket.download(row.path, to: absolute(copy), maximumBytes: row.asset.sizeBytes)
        } catch {
            if case .absent = error { throw Missing() }
            throw error
        }
        do {
            let value = try await body(absolute(copy))
            await remove(copy)
            return value
        } catch {
            await remove(copy)
            throw error
        }
    }

    /// The body of an answer that carries a part of an asset; a large part comes from a bucket piece by piece.
    ///
    /// - Throws: `Missing`, or `ObjectStoreError`: nothing was answered yet.
    func body(of row: AssetRow, offset: Int64, length: Int64) async throws -> HTTPBody {
        guard let bucket else {
            guard size(of: row.path) == row.asset.sizeBytes else { throw Missing() }
            return .file(path: absolute(row.path), offset: offset, length: length)
        }
        guard length > 0 else { return .bytes([]) }
        // The first piece is fetched before the answer begins, so that an asset that is gone is no broken answer.
        let first = try await piece(row, bucket, offset, min(length, Self.pieceBytes))
        if length <= Self.pieceBytes { return .bytes(first) }
        return .stream(length: length) { writer in
            var position = offset
            var bytes = first
            while true {
                try await writer.write(bytes)
                position += Int64(bytes.count)
                guard position < offset + length else { return }
                bytes = try await piece(row, bucket, position, min(offset + length - position, Self.pieceBytes))
            }
        }
    }

    private func piece(_ row: AssetRow, _ bucket: ObjectBucket, _ offset: Int64, _ length: Int64) async throws
        -> [UInt8]
    {
        let part: ObjectBucket.Part
        do throws(ObjectStoreError) {
            part = try await bucket.read(row.path, offset: offset, length: length)
        } catch {
            if case .absent = error { throw Missing() }
            throw error
        }
        guard part.total == row.asset.sizeBytes, Int64(part.bytes.count) == length else { throw Missing() }
        return part.bytes
    }

    /// Whether the store has an asset's bytes. A bucket is believed: the row is only written after it has taken them.
    func has(_ row: AssetRow) -> Bool {
        bucket != nil || size(of: row.path) == row.asset.sizeBytes
    }

    /// Removes what processes left in the folder when they died in the middle: halves of downloads, and copies out of
    /// a bucket.
    ///
    /// - Parameter age: Younger ones may still be written.
    /// - Returns: How many.
    func sweepLeftovers(olderThan age: Duration) async throws -> Int {
        let root = root
        return try await BlockingExecutor.shared.run {
            let manager = FileManager.default
            let before = Date(timeIntervalSinceNow: -age.inSeconds)
            var count = 0
            for folder in try manager.contentsOfDirectory(atPath: root) {
                // A file that lies in the folder itself has no list.
                for name in (try? manager.contentsOfDirectory(atPath: "\(root)/\(folder)")) ?? []
                where name.hasSuffix(".part") || name.hasSuffix(".copy") {
                    let file = "\(root)/\(folder)/\(name)"
                    let changed = try? manager.attributesOfItem(atPath: file)[.modificationDate] as? Date
                    // Another instance may be faster.
                    guard let changed, changed < before else { continue }
                    if (try? manager.removeItem(atPath: file)) != nil { count += 1 }
                }
            }
            return count
        }
    }

    /// Removes an asset's bytes from the store; what is not there counts as removed.
    func erase(_ path: String) async throws {
        await remove(path)
        if let bucket {
            try await bucket.delete(path)
        } else if size(of: path) != nil {
            throw CocoaError(.fileWriteUnknown)
        }
    }
}
