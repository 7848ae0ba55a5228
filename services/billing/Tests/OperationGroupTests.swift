import Contracts
import ServiceKit
import TestSupport
import Testing
import Time

@testable import BillingService

/// The newer operations over HTTP: groups of calls, parts, refunds, corrections, listings.
@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct OperationGroupTests {
    private typealias Service = TestService<BillingService>

    private func holding(_ user: UserID, _ amount: Int64, id: HoldID = HoldID()) -> PlaceHold.Input {
        PlaceHold.Input(
            holdID: id,
            userID: user,
            amountKopecks: amount,
            expiresAt: WallClock.system.now + .seconds(3_600),
            memo: "veo"
        )
    }

    private func charging(_ user: UserID, _ amount: Int64, part: HoldPart? = nil) -> ChargeHold.Input {
        ChargeHold.Input(
            userID: user,
            amountKopecks: amount,
            jobID: JobID(),
            model: "veo",
            variant: "fast",
            providerCostMicrodollars: 1_000,
            providerCostKopecks: 10,
            part: part
        )
    }

    private func topUp(_ service: Service, _ user: UserID, _ amount: Int64, _ reference: String) async throws {
        _ = try await service.client(as: .payments).call(
            Credit.self,
            Credit.Input(
                userID: user,
                amountKopecks: amount,
                source: .yookassa,
                reference: reference,
                orderID: OrderID(),
                memo: "m"
            ),
            key: reference
        )
    }

    private func problem(_ body: () async throws(CallError) -> some Any) async -> Problem? {
        do throws(CallError) {
            _ = try await body()
            return nil
        } catch {
            return error.problem
        }
    }

    @Test func `a group gets a verdict for each item, whatever its neighbours are`() async throws {
        try await Service.run { service in
            try await topUp(service, 1, 100, "p")
            let generation = service.client(as: .generation)
            let id = HoldID()
            let first = holding(1, 60, id: id)
            _ = try await generation.call(PlaceHold.self, first, key: "alone")
            let items = [
                OperationItem(key: "alone", placeHold: first), OperationItem(key: "alone", placeHold: holding(1, 1)),
                OperationItem(key: "poor", placeHold: holding(1, 41)),
                OperationItem(key: "charge", holdID: id, chargeHold: charging(1, 50)),
                OperationItem(key: "late", holdID: id, releaseHold: ReleaseHold.Input(userID: 1, reason: "")),
                OperationItem(key: "bad", placeHold: holding(-1, 1)), OperationItem(key: "none"),
                OperationItem(
                    key: "two",
                    holdID: id,
                    placeHold: holding(1, 1),
                    releaseHold: ReleaseHold.Input(userID: 1, reason: "")
                ),
                OperationItem(
                    key: "not-ours",
                    credit: Credit.Input(userID: 1, amountKopecks: 1, source: .bonus, reference: "b", memo: "")
                ),
                OperationItem(key: "nowhere", releaseHold: ReleaseHold.Input(userID: 1, reason: "")),
            ]
            func apply() async throws -> [OperationResult] {
                try await generation.call(ApplyOperations.self, ApplyOperations.Input(items: items), key: "g").results
            }
            let results = try await apply()
            #expect(
                results.map(\.verdict) == [
                    "replayed", "idempotency_mismatch", "insufficient_funds", "ok", "hold_already_charged",
                    "malformed_request", "malformed_request", "malformed_request", "caller_not_allowed",
                    "malformed_request",
                ]
            )
            #expect(results[3].hold?.balance.postedKopecks == 50)
            #expect(results[2].problem?["shortage_kopecks"]?.integer == 1)
            let again = try await apply()
            #expect(again[3].verdict == "replayed" && again[3].hold == results[3].hold)
            #expect(again[2].verdict == "insufficient_funds" && again[2].isReplayed == true)
            // Alone or in a group, the same call has the same fingerprint; a rate that has changed is no other call.
            var charge = items[3].chargeHold ?? charging(1, 50)
            charge.providerCostKopecks = 11
            let alone = try await generation.call(
                ChargeHold.self,
                charge,
                parameters: HoldParameters(holdID: id),
                key: "charge"
            )
            #expect(alone == results[3].hold)
            let empty = await problem { () throws(CallError) in
                try await generation.call(ApplyOperations.self, ApplyOperations.Input(items: []), key: "e")
            }
            #expect(empty?.code == .malformedRequest)
        }
    }

    @Test func `an item whose operation its caller may not use is refused alone`() async throws {
        try await Service.run { service in
            let results = try await service.client(as: .payments).call(
                ApplyOperations.self,
                ApplyOperations.Input(items: [
                    OperationItem(key: "hold", placeHold: holding(1, 0)),
                    OperationItem(key: "open", openAccount: OpenAccount.Input(userID: 1)),
                ]),
                key: "g"
            ).results
            #expect(results.map(\.verdict) == ["caller_not_allowed", "ok"])
            #expect(results[1].account?.userID == 1)
            let adjust = Adjust.Input(
                adjustmentID: AdjustmentID(),
                userID: 1,
                amountKopecks: 5,
                wallet: .paid,
                reason: "r",
                operatorName: "anna"
            )
            let corrected = try await service.client(as: .operator).call(
                ApplyOperations.self,
                ApplyOperations.Input(items: [OperationItem(key: "a", adjust: adjust)]),
                key: "g"
            ).results
            #expect(corrected[0].adjustment?.state == .applied)
        }
    }

    @Test func `parts, extensions, refunds and gifts work over HTTP`() async throws {
        try await Service.run { service in
            try await topUp(service, 1, 100, "p")
            let generation = service.client(as: .generation)
            let id = HoldID()
            let path = HoldParameters(holdID: id)
            _ = try await generation.call(PlaceHold.self, holding(1, 60, id: id), key: "hold")
            let until = WallClock.system.now + .seconds(7_200)
            let extended = try await generation.call(
                ExtendHold.self,
                ExtendHold.Input(userID: 1, expiresAt: until),
                parameters: path,
                key: "extend"
            )
            #expect(extended.expiresAt == until)
            let part = HoldPart(partID: "1", amountKopecks: 30)
            let charged = try await generation.call(
                ChargeHold.self,
                charging(1, 25, part: part),
                parameters: path,
                key: "1"
            )
            #expect((charged.chargedKopecks, charged.releasedKopecks, charged.state) == (25, 5, .live))
            let open = try await generation.call(ListHolds.self, parameters: AccountParameters(userID: 1)).holds
            #expect(open.map(\.expiresAt) == [until])
            let refund = try await generation.call(
                RefundCharge.self,
                RefundCharge.Input(userID: 1, amountKopecks: 25, partID: "1", reason: "spoilt"),
                parameters: path,
                key: "refund"
            )
            #expect(refund.refundableKopecks == 0)
            let gift = try await service.client(as: .conversation).call(
                Gift.self,
                Gift.Input(userID: 1, receiverID: 2, amountKopecks: 10, memo: "g"),
                key: "gift"
            )
            #expect(gift.balance.paidKopecks == 90)
            let back = try await service.client(as: .payments).call(
                RefundCredit.self,
                RefundCredit.Input(userID: 1, amountKopecks: 60, source: .yookassa, reference: "p", reason: "r"),
                key: "back"
            )
            #expect((back.balance.paidKopecks, back.refundableKopecks) == (30, 40))
            let credits = try await service.client(as: .payments).call(ListCredits.self, parameters: .init()).credits
            #expect(credits.map(\.refundedKopecks) == [60])
            let charges = try await generation.call(ListCharges.self, parameters: .init()).charges
            #expect(charges.map(\.partID) == ["1"] && charges.map(\.refundedKopecks) == [25])
        }
    }

    @Test func `the operator corrects with a second pair of eyes, freezes, and reads the day`() async throws {
        try await Service.run(environment: ["ATELIER_LONE_ADJUSTMENT_KOPECKS": "100"]) { service in
            let operate = service.client(as: .operator)
            let id = AdjustmentID()
            let proposed = try await operate.call(
                Adjust.self,
                Adjust.Input(
                    adjustmentID: id,
                    userID: 1,
                    amountKopecks: 500,
                    wallet: .bonus,
                    reason: "r",
                    operatorName: "anna"
                ),
                key: "a"
            )
            #expect(proposed.state == .proposed)
            #expect(try await operate.call(ListAdjustments.self).adjustments.map(\.adjustmentID) == [id])
            func decide(_ id: AdjustmentID, _ name: String) async -> Problem? {
                await problem { () throws(CallError) in
                    try await operate.call(
                        DecideAdjustment.self,
                        DecideAdjustment.Input(decision: .approve, operatorName: name),
                        parameters: AdjustmentParameters(adjustmentID: id),
                        key: "d\(name)\(id)"
                    )
                }
            }
            #expect(await decide(id, "anna")?.members["limit"] == "lone_adjustment")
            #expect(await decide(AdjustmentID(), "boris")?.code == .notFound)
            #expect(await decide(id, "boris") == nil)
            let frozen = try await operate.call(
                FreezeAccount.self,
                FreezeInput(operatorName: "anna", reason: "r"),
                parameters: AccountParameters(userID: 1),
                key: "f"
            )
            #expect(frozen.isFrozen && frozen.bonusKopecks == 500)
            #expect(try await operate.call(GetDailyTotals.self, parameters: .init()).adjustedKopecks == 500)
            let bad = await problem { () throws(CallError) in
                try await operate.call(GetDailyTotals.self, parameters: .init(day: "yesterday"))
            }
            #expect(bad?.code == .malformedRequest)
            let past = try await operate.call(
                GetBalance.self,
                parameters: .init(userID: 1, at: WallClock.system.now - .seconds(60))
            )
            #expect(past.postedKopecks == 0 && !past.isFrozen)
        }
    }
}
