@testable import Postgres

/// The binary form of arrays: no bytes trap the reader, and what it accepts is written and read again as the same array.
enum ArrayFuzz {
    static func check(_ bytes: [UInt8]) {
        read(bytes) { part, _ in part?.integer(Int64.self) }
        read(bytes) { part, _ in part?.text }
        guard let elements = read(bytes, { part, _ in OptionalBytes(part?.array) }) else { return }
        var written: [UInt8] = []
        _ = elements.encodeParameter(into: &written)
        let again = read(written) { part, _ in OptionalBytes(part?.array) }
        precondition(again == elements, "\(elements.count) elements are read back otherwise")
    }

    @discardableResult
    private static func read<Element>(
        _ bytes: [UInt8],
        _ decode: (PostgresBytes?, UInt32) -> Element?
    ) -> [Element]? {
        unsafe bytes.withUnsafeBytes { buffer in
            try? ArrayForm.decode(
                unsafe PostgresBytes(buffer),
                mismatch: { PostgresError(.decoding, operation: "fuzz", detail: $0) },
                decode
            )
        }
    }
}
