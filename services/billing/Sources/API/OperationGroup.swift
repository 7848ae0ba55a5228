import Contracts
import ServiceKit
import Time

/// A group of calls: each item is read as the single call would be, all good ones are decided in one batch, and each
/// gets its own result.
struct OperationGroup {
    let caller: ServiceName
    let deadline: Deadline
    let now: Timestamp

    /// The item of the ledger, or why it can't become one.
    func item(_ item: OperationItem) -> Result<LedgerItem, Problem> {
        do throws(Problem) {
            guard (1...200).contains(item.key.utf8.count), item.key.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
            else { throw CallChecks.malformed("key", "is not 1 to 200 visible ASCII characters") }
            let found = try candidates(item)
            guard found.count == 1 else { throw CallChecks.malformed("items", "must name one operation each") }
            return .success(found[0])
        } catch {
            return .failure(error)
        }
    }

    /// The ledger's answer in the form of a result.
    static func result(_ verdict: Result<Verdict, any Error>) -> OperationResult {
        switch verdict {
        case .success(.fresh(let answer)): result(answer, isReplayed: nil)
        case .success(.replayed(let answer)): result(answer, isReplayed: true)
        case .success(.mismatch):
            result(Problem(.idempotencyMismatch, "the key or payment was used for something else"))
        case .failure(let problem as Problem): result(problem)
        // What is no problem of the item is the database's trouble; its key makes a repeat safe.
        case .failure: result(Problem(.unavailable, "the ledger did not answer", retryAfterSeconds: 1))
        }
    }

    static func result(_ problem: Problem, isReplayed: Bool? = nil) -> OperationResult {
        // A problem is text and whole numbers, which JSON can always carry.
        let json = try? ContractJSON.decode(JSONValue.self, from: ContractJSON.encode(problem))
        return OperationResult(verdict: problem.code.rawValue, isReplayed: isReplayed, problem: json)
    }

    private static func result(_ answer: LedgerAnswer, isReplayed: Bool?) -> OperationResult {
        var result = OperationResult(verdict: isReplayed == true ? "replayed" : "ok", isReplayed: isReplayed)
        switch answer {
        case .account(let balance): result.account = balance
        case .hold(let state): result.hold = state
        case .credit(let state): result.credit = state
        case .refund(let state): result.refund = state
        case .gift(let state): result.gift = state
        case .adjustment(let state): result.adjustment = state
        case .refused(let problem): return self.result(problem, isReplayed: isReplayed)
        }
        return result
    }

    /// One for each operation that the item names.
    private func candidates(_ item: OperationItem) throws(Problem) -> [LedgerItem] {
        var found: [LedgerItem] = []
        if let input = item.placeHold { found.append(try read(PlaceHold.self, input, NoParameters(), item)) }
        if let input = item.openAccount { found.append(try read(OpenAccount.self, input, NoParameters(), item)) }
        if let input = item.credit { found.append(try read(Credit.self, input, NoParameters(), item)) }
        if let input = item.refundCredit { found.append(try read(RefundCredit.self, input, NoParameters(), item)) }
        if let input = item.gift { found.append(try read(Gift.self, input, NoParameters(), item)) }
        if let input = item.adjust { found.append(try read(Adjust.self, input, NoParameters(), item)) }
        if let input = item.extendHold { found.append(try read(ExtendHold.self, input, try hold(item), item)) }
        if let input = item.chargeHold { found.append(try read(ChargeHold.self, input, try hold(item), item)) }
        if let input = item.releaseHold { found.append(try read(ReleaseHold.self, input, try hold(item), item)) }
        if let input = item.refundCharge { found.append(try read(RefundCharge.self, input, try hold(item), item)) }
        return found
    }

    private func hold(_ item: OperationItem) throws(Problem) -> HoldParameters {
        guard let id = item.holdID else { throw CallChecks.malformed("hold_id", "is missing") }
        return HoldParameters(holdID: id)
    }

    private func read<O: LedgerCall>(
        _ operation: O.Type,
        _ input: O.Input,
        _ parameters: O.Parameters,
        _ item: OperationItem
    ) throws(Problem) -> LedgerItem {
        guard O.callers.contains(caller) else {
            throw Problem(.callerNotAllowed, "\(caller.rawValue) may not call this operation")
        }
        let call = Call<O>(
            caller: caller,
            idempotencyKey: item.key,
            parameters: parameters,
            deadline: deadline,
            input: input
        )
        return try O.item(input, call, now: now)
    }
}
