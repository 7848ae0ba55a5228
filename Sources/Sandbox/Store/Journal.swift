internal import Concurrency
internal import Foundation

/// Keeps the sandbox's records over a restart: an append-only file of JSON lines, the last line of a key wins.
///
/// Every change is written before it is answered (without fsync), so a killed process loses nothing; a torn last line is
/// dropped when the file is read again. The file is rewritten when more than half of it is outdated.
final class Journal: Sendable {
    /// What a record is; the name stands in the file.
    enum Collection: String, CaseIterable, Codable, Sendable {
        case setting, chat, user, message, file, update, webhook, callbackQuery, invoice, starTransaction, command
        case task, upload, balance, payment, refund, idempotence, notice
    }

    /// Rewriting is considered from this size on, in bytes.
    static let compactionBytes = 16 << 20

    private struct Line: Codable {
        var collection: String
        var key: String
        var value: String?

        enum CodingKeys: String, CodingKey {
            case collection = "c"
            case key = "k"
            case value = "v"
        }
    }

    private struct Key: Hashable {
        let collection: String
        let key: String
    }

    private struct State {
        var handle: FileHandle?
        var live: [Key: String] = [:]
        var fileBytes = 0
        var liveBytes = 0
        var lostWrites = 0
    }

    private let path: String?
    private let state: Locked<State>

    /// Opens the journal and reads what it holds.
    ///
    /// - Parameter folder: Where `journal.jsonl` lies; made if missing. nil keeps everything in memory only.
    /// - Throws: If the folder or the file cannot be made or read.
    init(folder: String?) throws {
        self.path = folder.map { $0 + "/journal.jsonl" }
        var state = State()
        if let folder, let path {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            if let content = FileManager.default.contents(atPath: path) {
                Self.read(content, into: &state)
            }
            try Self.rewrite(path, &state)
        }
        self.state = Locked(state)
    }

    /// Stores a record, replacing the one of the same key.
    func put(_ collection: Collection, _ key: String, _ value: some Encodable) {
        guard let data = try? JSONEncoder().encode(value) else { return }  // Our own types always encode.
        let text = String(decoding: data, as: UTF8.self)
        state.withLock { append(Line(collection: collection.rawValue, key: key, value: text), &$0) }
    }

    /// Forgets a record.
    func remove(_ collection: Collection, _ key: String) {
        state.withLock { append(Line(collection: collection.rawValue, key: key, value: nil), &$0) }
    }

    /// All records of a collection by key; those of an older, incompatible form are left out.
    func records<Value: Decodable>(_ collection: Collection, as type: Value.Type) -> [String: Value] {
        let texts = state.withLock { state in
            state.live.filter { $0.key.collection == collection.rawValue }.map { ($0.key.key, $0.value) }
        }
        var records: [String: Value] = [:]
        for (key, text) in texts {
            // A record that no longer decodes is from an older sandbox; starting without it is the point of a sandbox.
            records[key] = try? JSONDecoder().decode(type, from: Data(text.utf8))
        }
        return records
    }

    /// Forgets everything.
    func clear() {
        state.withLock { state in
            state.live = [:]
            state.liveBytes = 0
            compact(&state)
        }
    }

    /// Number of changes that could not be written, e.g. because the disk is full; they live in memory only.
    var lostWrites: Int { state.withLock { $0.lostWrites } }

    private func append(_ line: Line, _ state: inout State) {
        Self.apply(line, to: &state)
        guard path != nil else { return }
        do {
            var data = try JSONEncoder().encode(line)
            data.append(0x0A)
            try state.handle?.write(contentsOf: data)
            state.fileBytes += data.count
        } catch {
            state.lostWrites += 1
        }
        if state.fileBytes > Self.compactionBytes && state.fileBytes > 3 * state.liveBytes { compact(&state) }
    }

    private func compact(_ state: inout State) {
        guard let path else { return }
        do { try Self.rewrite(path, &state) } catch { state.lostWrites += 1 }
    }

    private static func apply(_ line: Line, to state: inout State) {
        let key = Key(collection: line.collection, key: line.key)
        state.liveBytes -= state.live[key]?.utf8.count ?? 0
        state.live[key] = line.value
        state.liveBytes += line.value?.utf8.count ?? 0
    }

    private static func read(_ content: Data, into state: inout State) {
        for bytes in content.split(separator: 0x0A) {
            // Only a torn line fails to decode: the process was killed while it wrote it.
            guard let line = try? JSONDecoder().decode(Line.self, from: bytes) else { continue }
            apply(line, to: &state)
        }
    }

    /// Writes the live records to a new file that replaces the old one at once.
    private static func rewrite(_ path: String, _ state: inout State) throws {
        var content = Data()
        for (key, value) in state.live {
            content += try JSONEncoder().encode(Line(collection: key.collection, key: key.key, value: value))
            content.append(0x0A)
        }
        try content.write(to: URL(fileURLWithPath: path), options: .atomic)
        try state.handle?.close()
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.seekToEnd()
        state.handle = handle
        state.fileBytes = content.count
    }
}
