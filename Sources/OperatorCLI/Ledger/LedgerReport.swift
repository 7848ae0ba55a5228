internal import Cryptography

/// What a verification has found, for people.
struct LedgerReport: Sendable, Equatable {
    /// The most findings that are printed.
    private static let printed = 100

    var seals: Int64
    var entries: Int64
    /// Entries after the newest seal, which the chain does not cover yet.
    var unsealed: Int64
    var accounts: Int64
    var head: LedgerHead?
    var findings: [LedgerFinding]

    var isSound: Bool { findings.isEmpty }

    var text: String {
        var lines = [
            "entries   \(entries), of which \(unsealed) are not sealed yet", "seals     \(seals)",
            "accounts  \(accounts) with entries",
        ]
        if let head { lines.append("head      seal \(head.number) of \(head.at)") }
        lines += findings.prefix(Self.printed).map { "BROKEN    \(Self.text($0))" }
        if findings.count > Self.printed { lines.append("… and \(findings.count - Self.printed) more") }
        lines.append(isSound ? "The ledger is sound." : "The ledger is NOT sound: \(findings.count) findings.")
        return lines.joined(separator: "\n")
    }

    static func text(_ finding: LedgerFinding) -> String {
        switch finding {
        case .edited(let entry, let seal): "entry \(entry) was edited after it was sealed (seal \(seal))"
        case .deleted(let entry, let seal): "entry \(entry) was deleted after it was sealed (seal \(seal))"
        case .inserted(let entry, let seal): "entry \(entry) was inserted among sealed ones (seal \(seal))"
        case .reordered(let entry, let other, let seal):
            "entries \(entry) and \(other) were reordered: each has what was sealed under the other's id (seal \(seal))"
        case .sealChanged(let seal): "seal \(seal) does not match its entries or the seal before it"
        case .sealMissing(let seal): "seal \(seal) is missing"
        case .cut(let head, let newest): "the ledger was cut: the head names seal \(head), the newest is \(newest)"
        case .sumsWrong(let seal): "seal \(seal) has other sums than the entries up to it"
        case .transferUnbalanced(let transfer, let sum): "transfer \(transfer) sums to \(sum) kopecks and not to 0"
        case .discontinuous(let entry, let account, let expected, let found):
            "entry \(entry) of account \(account) says \(found) kopecks where \(expected) follow from the ones before"
        case .accountWrong(let account, let what, let stored, let computed):
            "account \(account) has \(stored) kopecks \(what), its entries and holds say \(computed)"
        case .rowWrong(let table, let row, let reason): "\(table) \(row): \(reason)"
        }
    }

    static func hexadecimal(_ bytes: [UInt8]) -> String { Hex.encode(bytes) }
}
