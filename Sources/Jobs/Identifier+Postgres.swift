package import Contracts
internal import Foundation
package import Postgres

/// Identifiers are stored as uuid.
extension Identifier: PostgresBindable, PostgresDecodable, PostgresArrayElement, PostgresScalar {
    package static var postgresType: PostgresType { .uuid }

    package func encode(into buffer: inout [UInt8]) {
        uuid.encode(into: &buffer)
    }

    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        guard let uuid = UUID(postgres: bytes, oid: oid) else { return nil }
        self.init(uuid)
    }
}
