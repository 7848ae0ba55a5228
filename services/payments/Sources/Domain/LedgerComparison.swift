/// Compares what billing's ledger says came from YooKassa with what our orders say was credited.
///
/// Orders go on while the ledger is asked, so it is compared with what they say before and after.
package enum LedgerComparison {
    /// Sums over orders of one rail, in kopecks.
    package struct Sums: Sendable, Equatable {
        package var credited: Int64
        /// Paid, the credit's answer not stored yet: the ledger may have it or not.
        package var paid: Int64

        package init(credited: Int64, paid: Int64) {
            self.credited = credited
            self.paid = paid
        }
    }

    /// How far the ledger is off: negative if it lacks credits that orders have, positive if it has credits that no
    /// order explains (an operator's credit with this source, or a restored database).
    package static func difference(ledger: Int64, before: Sums, after: Sums) -> Int64 {
        if ledger < before.credited { return ledger - before.credited }
        return max(0, ledger - after.credited - after.paid)
    }
}
