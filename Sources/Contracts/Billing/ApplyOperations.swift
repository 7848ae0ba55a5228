/// Several calls that move money in one: a verdict for each, in the same order.
///
/// Every item has a key of its own and is decided as if it had come alone: one that is refused never touches its
/// neighbours, and a repeat, alone or in another group, gets the first answer. The `Idempotency-Key` of the whole call
/// says nothing. An item whose operation the caller may not use, or that is malformed, is refused and not stored.
package enum ApplyOperations: Operation {
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/operations"
    package static let callers: Set<ServiceName> = [.conversation, .generation, .payments, .operator]

    package struct Input: Codable, Sendable, Equatable {
        /// 1...500.
        package var items: [OperationItem]

        package init(items: [OperationItem]) {
            self.items = items
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        /// One for each item, in the same order.
        package var results: [OperationResult]

        package init(results: [OperationResult]) {
            self.results = results
        }
    }
}

/// One call of a group: exactly one of the operations' members is present.
package struct OperationItem: Codable, Sendable, Equatable {
    /// The item's idempotency key, 1 to 200 visible ASCII characters.
    package var key: String
    /// What stands in the path of a single call on a hold.
    package var holdID: HoldID?
    package var openAccount: OpenAccount.Input?
    package var placeHold: PlaceHold.Input?
    package var extendHold: ExtendHold.Input?
    package var chargeHold: ChargeHold.Input?
    package var releaseHold: ReleaseHold.Input?
    package var refundCharge: RefundCharge.Input?
    package var credit: Credit.Input?
    package var refundCredit: RefundCredit.Input?
    package var gift: Gift.Input?
    package var adjust: Adjust.Input?

    package init(
        key: String,
        holdID: HoldID? = nil,
        openAccount: OpenAccount.Input? = nil,
        placeHold: PlaceHold.Input? = nil,
        extendHold: ExtendHold.Input? = nil,
        chargeHold: ChargeHold.Input? = nil,
        releaseHold: ReleaseHold.Input? = nil,
        refundCharge: RefundCharge.Input? = nil,
        credit: Credit.Input? = nil,
        refundCredit: RefundCredit.Input? = nil,
        gift: Gift.Input? = nil,
        adjust: Adjust.Input? = nil
    ) {
        self.key = key
        self.holdID = holdID
        self.openAccount = openAccount
        self.placeHold = placeHold
        self.extendHold = extendHold
        self.chargeHold = chargeHold
        self.releaseHold = releaseHold
        self.refundCharge = refundCharge
        self.credit = credit
        self.refundCredit = refundCredit
        self.gift = gift
        self.adjust = adjust
    }
}

/// What became of one item. With the verdict `ok` or `replayed` one of the answers is present, else `problem`.
package struct OperationResult: Codable, Sendable, Equatable {
    /// `ok`, `replayed`, or the problem's code; a replayed refusal has its code and `is_replayed`.
    package var verdict: String
    /// Present and true if the key was known and this is the first answer again.
    package var isReplayed: Bool?
    package var account: Balance?
    package var hold: HoldState?
    package var credit: CreditState?
    package var refund: RefundState?
    package var gift: GiftState?
    package var adjustment: AdjustmentState?
    /// As the single call would have answered it (`problems.yaml`).
    package var problem: JSONValue?

    package init(
        verdict: String,
        isReplayed: Bool? = nil,
        account: Balance? = nil,
        hold: HoldState? = nil,
        credit: CreditState? = nil,
        refund: RefundState? = nil,
        gift: GiftState? = nil,
        adjustment: AdjustmentState? = nil,
        problem: JSONValue? = nil
    ) {
        self.verdict = verdict
        self.isReplayed = isReplayed
        self.account = account
        self.hold = hold
        self.credit = credit
        self.refund = refund
        self.gift = gift
        self.adjustment = adjustment
        self.problem = problem
    }
}
