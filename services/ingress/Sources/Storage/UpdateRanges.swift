internal import Concurrency
internal import Postgres

/// Makes the partitions of dedup keys when they are needed: one for each 2^23 update ids.
///
/// An id whose partition does not exist is exact all the same, in the partition for the rest; only dropping old keys needs
/// the ranges. Any thread.
final class UpdateRanges: Sendable {
    /// Ids so far ahead get their partition already, so that nobody waits for it when a range ends.
    private static let lookAhead: Int64 = 1 << 20
    private static let bits: Int64 = 23
    private static let count: Int64 = 256

    private let database: Database
    private let known = Locked<Set<Int64>>([])

    init(database: Database) {
        self.database = database
    }

    /// Returns when all of these ids have their partition.
    func prepare(_ ids: some Sequence<Int64>) async throws(PostgresError) {
        let missing = known.withLock { known in
            var missing: Set<Int64> = []
            var last: (Int64, Int64) = (-1, -1)
            for id in ids {
                let needed = (id >> Self.bits, (id &+ Self.lookAhead) >> Self.bits)
                guard needed != last else { continue }
                last = needed
                for range in [needed.0, needed.1] where (0..<Self.count).contains(range) && !known.contains(range) {
                    missing.insert(range)
                }
            }
            return missing
        }
        for range in missing.sorted() {
            _ = try await database.query("select make_seen_partition(\(Int32(range)))")
            _ = known.withLock { $0.insert(range) }
        }
    }

    func forget() { known.withLock { $0 = [] } }
}
