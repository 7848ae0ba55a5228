internal import Cryptography
internal import Foundation
internal import LocalSystem
internal import Postgres
internal import Time

/// The newest seal, written down somewhere else: it proves later that nothing before it was changed or cut off.
struct LedgerHead: Codable, Sendable, Equatable {
    /// The seal's number.
    var number: Int64
    /// The highest id of an entry that is sealed.
    var lastEntry: Int64
    /// In hexadecimal.
    var hash: String
    /// When it was sealed, RFC 3339.
    var at: String

    static func newest(_ database: Database) async throws -> LedgerHead? {
        let rows = try await database.query(
            "select number, last_entry, hash, at from seal order by number desc limit 1"
        )
        return try rows.first.map { row in
            let (number, lastEntry, hash, at) = try row.decode(Int64.self, Int64.self, [UInt8].self, Timestamp.self)
            return LedgerHead(number: number, lastEntry: lastEntry, hash: Hex.encode(hash), at: at.description)
        }
    }

    /// Reads what `text` has been written to.
    static func read(_ path: String) throws -> LedgerHead {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let data = FileManager.default.contents(atPath: path),
            let head = try? decoder.decode(LedgerHead.self, from: data)
        else { throw OperatorError("\(path) holds no head.", "It is what atelier ledger head has printed.") }
        return head
    }

    /// One line of JSON.
    var text: String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys]
        // Numbers and text are always encodable.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
