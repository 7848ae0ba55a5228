import Contracts
import Time

/// Values that a call must have before it reaches the ledger; what is refused here is not stored.
enum CallChecks {
    static func user(_ userID: UserID) throws(Problem) {
        guard userID > 0 else { throw malformed("user_id", "must be positive") }
    }

    /// - Parameter minimum: 0 where nothing may be moved, 1 where something must.
    static func amount(_ amount: Int64, from minimum: Int64) throws(Problem) {
        guard (minimum...LedgerLimits.maximumAmountKopecks).contains(amount) else {
            throw malformed("amount_kopecks", "must be \(minimum) to \(LedgerLimits.maximumAmountKopecks)")
        }
    }

    static func text(_ text: String, _ member: String, isRequired: Bool = false) throws(Problem) {
        guard text.count <= LedgerLimits.maximumTextLength, !text.unicodeScalars.contains("\0") else {
            throw malformed(member, "must have at most \(LedgerLimits.maximumTextLength) characters and no U+0000")
        }
        if isRequired && text.isEmpty { throw malformed(member, "must not be empty") }
    }

    /// Names of parts and operators.
    static func name(_ name: String, _ member: String) throws(Problem) {
        guard (1...LedgerLimits.maximumNameLength).contains(name.count), !name.unicodeScalars.contains("\0") else {
            throw malformed(member, "must have 1 to \(LedgerLimits.maximumNameLength) characters and no U+0000")
        }
    }

    static func part(_ part: HoldPart?) throws(Problem) {
        guard let part else { return }
        try name(part.partID, "part_id")
        try amount(part.amountKopecks, from: 0)
    }

    static func receiver(_ receiver: UserID, of giver: UserID) throws(Problem) {
        guard receiver > 0, receiver != giver else { throw malformed("receiver_id", "must be another user") }
    }

    /// A correction goes either way.
    static func correction(_ amount: Int64) throws(Problem) {
        let limit = LedgerLimits.maximumAmountKopecks
        guard amount != 0, (-limit...limit).contains(amount) else {
            throw malformed("amount_kopecks", "must be \(-limit) to \(limit) and not 0")
        }
    }

    static func cost(_ cost: Int64, _ member: String) throws(Problem) {
        guard (0...LedgerLimits.maximumProviderCost).contains(cost) else {
            throw malformed(member, "must be 0 to \(LedgerLimits.maximumProviderCost)")
        }
    }

    /// A hold that has expired on its way is not refused here but by the ledger, which stores that.
    static func expiry(_ expiresAt: Timestamp, now: Timestamp) throws(Problem) {
        guard expiresAt <= now + LedgerLimits.maximumHoldDuration else {
            throw malformed("expires_at", "must be at most 7 days ahead")
        }
    }

    static func limit(_ limit: Int?, default: Int = 50, most: Int = 200) throws(Problem) -> Int {
        guard (1...most).contains(limit ?? `default`) else { throw malformed("limit", "must be 1 to \(most)") }
        return limit ?? `default`
    }

    static func group(_ count: Int) throws(Problem) {
        guard (1...LedgerLimits.groupedItems).contains(count) else {
            throw malformed("items", "must be 1 to \(LedgerLimits.groupedItems)")
        }
    }

    static func malformed(_ member: String, _ reason: String) -> Problem {
        Problem(.malformedRequest, "\(member) \(reason)", members: ["member": .string(member)])
    }
}
