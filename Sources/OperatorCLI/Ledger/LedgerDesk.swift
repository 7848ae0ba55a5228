internal import Contracts
internal import LocalSystem
internal import ServiceKit
internal import Time

/// The commands that ask billing.
struct LedgerDesk: Sendable {
    let billing: InternalClient
    let operatorName: String

    /// - Returns: What to print; nil for words that make no command.
    func run(_ words: LedgerArguments) async throws -> String? {
        switch (words.command, words.values.count) {
        case ("balance", 1): try await balance(words)
        case ("statement", 1): try await statement(words)
        case ("holds", 1): try await holds(words)
        case ("daily", 0...1): try await daily(words.values.first)
        case ("trial", 0): try await trial()
        case ("adjust", 2): try await adjust(words)
        case ("adjustments", 0): try await adjustments()
        case ("approve", 1): try await decide(words, .approve)
        case ("reject", 1): try await decide(words, .reject)
        case ("freeze", 1), ("unfreeze", 1): try await setFrozen(words)
        default: nil
        }
    }

    // MARK: Reads

    private func balance(_ words: LedgerArguments) async throws -> String {
        var moment: Timestamp?
        if let text = words.option("at") {
            moment = Timestamp(rfc3339: text)
            guard moment != nil else { throw OperatorError("\(text) is no time.", "As 2026-11-21T10:00:00Z.") }
        }
        let parameters = GetBalance.Parameters(userID: try user(words), at: moment)
        return LedgerTexts.balance(try await billing.call(GetBalance.self, parameters: parameters), at: moment)
    }

    private func statement(_ words: LedgerArguments) async throws -> String {
        var left = words.option("limit").flatMap(Int.init) ?? 50
        var entries: [StatementEntry] = []
        var before: Int64?
        repeat {
            let page = try await billing.call(
                ListEntries.self,
                parameters: .init(userID: try user(words), before: before, limit: min(200, max(1, left)))
            )
            entries += page.entries
            left -= page.entries.count
            before = page.nextBefore
        } while before != nil && left > 0
        return LedgerTexts.statement(entries, hasMore: before != nil)
    }

    private func holds(_ words: LedgerArguments) async throws -> String {
        let parameters = AccountParameters(userID: try user(words))
        return LedgerTexts.holds(try await billing.call(ListHolds.self, parameters: parameters).holds)
    }

    private func daily(_ day: String?) async throws -> String {
        LedgerTexts.daily(try await billing.call(GetDailyTotals.self, parameters: .init(day: day)))
    }

    private func trial() async throws -> String {
        LedgerTexts.trial(try await billing.call(GetTrialBalance.self))
    }

    private func adjustments() async throws -> String {
        LedgerTexts.proposals(try await billing.call(ListAdjustments.self).adjustments)
    }

    // MARK: Corrections

    private func adjust(_ words: LedgerArguments) async throws -> String {
        guard let amount = LedgerTexts.kopecks(words.values[1]), amount != 0 else {
            throw OperatorError("\(words.values[1]) is no sum in roubles.", "As 50, -12.50 or 0,99.")
        }
        guard let wallet = Wallet(rawValue: words.option("wallet") ?? Wallet.bonus.rawValue) else {
            throw OperatorError("There is no such wallet.", "It is bonus or paid.")
        }
        let id = try adjustmentID(words)
        let input = Adjust.Input(
            adjustmentID: id,
            userID: try user(words),
            amountKopecks: amount,
            wallet: wallet,
            reason: try reason(words),
            operatorName: operatorName
        )
        let state: AdjustmentState
        do throws(CallError) {
            state = try await billing.call(Adjust.self, input, key: "adjustment:\(id)")
        } catch {
            guard error.problem == nil else { throw error }
            throw OperatorError(
                "Billing did not answer: whether the account was corrected is not known.",
                "Repeat the same with --id \(id); it takes effect once."
            )
        }
        return LedgerTexts.adjustment(state)
    }

    private func decide(_ words: LedgerArguments, _ decision: AdjustmentDecision) async throws -> String {
        guard let id = AdjustmentID(words.values[0]) else {
            throw OperatorError("\(words.values[0]) is no id.", "atelier ledger adjustments lists those that wait.")
        }
        let state = try await billing.call(
            DecideAdjustment.self,
            DecideAdjustment.Input(decision: decision, operatorName: operatorName),
            parameters: AdjustmentParameters(adjustmentID: id),
            // A refusal for want of money may be tried again when there is some.
            key: "adjustment:\(id):\(decision.rawValue):\(AdjustmentID())"
        )
        return LedgerTexts.adjustment(state)
    }

    private func setFrozen(_ words: LedgerArguments) async throws -> String {
        let parameters = AccountParameters(userID: try user(words))
        let input = FreezeInput(operatorName: operatorName, reason: try reason(words))
        let key = "\(words.command ?? ""):\(parameters.userID):\(AdjustmentID())"
        let balance =
            words.command == "freeze"
            ? try await billing.call(FreezeAccount.self, input, parameters: parameters, key: key)
            : try await billing.call(UnfreezeAccount.self, input, parameters: parameters, key: key)
        return LedgerTexts.balance(balance, at: nil)
    }

    /// The one that is given, so that a repeat takes effect once; else a new one.
    private func adjustmentID(_ words: LedgerArguments) throws -> AdjustmentID {
        guard let text = words.option("id") else { return AdjustmentID() }
        guard let id = AdjustmentID(text) else {
            throw OperatorError("\(text) is no id.", "It is what the command that was not answered has printed.")
        }
        return id
    }

    private func user(_ words: LedgerArguments) throws -> UserID {
        guard let user = words.values.first.flatMap(UserID.init), user > 0 else {
            throw OperatorError("\(words.values.first ?? "") is no user.", "Users are named by their Telegram number.")
        }
        return user
    }

    private func reason(_ words: LedgerArguments) throws -> String {
        guard let reason = words.option("reason"), !reason.isEmpty else {
            throw OperatorError("A correction needs a reason.", "Say it with --reason \"…\"; it is kept.")
        }
        return reason
    }
}
