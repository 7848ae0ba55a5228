import Contracts
import ServiceKit
import Time

/// Reads: each is one statement, so each sees one state.
extension BillingService {
    func registerReads(on routes: inout Routes) {
        let (queries, clock) = (queries, clock)
        routes.serve(GetBalance.self) { _, call -> Balance in
            let userID = call.parameters.userID
            try CallChecks.user(userID)
            guard let moment = call.parameters.at, moment < clock.now else {
                return try await queries.balance(of: userID, deadline: call.deadline)
            }
            return try await queries.balance(of: userID, at: moment, deadline: call.deadline)
        }
        routes.serve(ListEntries.self) { _, call -> ListEntries.Output in
            try CallChecks.user(call.parameters.userID)
            return try await queries.entries(
                of: call.parameters.userID,
                before: call.parameters.before,
                limit: try CallChecks.limit(call.parameters.limit),
                deadline: call.deadline
            )
        }
        routes.serve(ListHolds.self) { _, call -> ListHolds.Output in
            try CallChecks.user(call.parameters.userID)
            return ListHolds.Output(
                holds: try await queries.holds(
                    of: call.parameters.userID,
                    limit: LedgerLimits.listedHolds,
                    deadline: call.deadline
                )
            )
        }
        routes.serve(GetTrialBalance.self) { _, call -> GetTrialBalance.Output in
            try await queries.trialBalance(deadline: call.deadline)
        }
        registerReports(on: &routes)
    }

    private func registerReports(on routes: inout Routes) {
        let (reports, rules, clock) = (reports, rules, clock)
        routes.serve(ListCredits.self) { _, call -> ListCredits.Output in
            var cursor: CreditCursor?
            if let text = call.parameters.after {
                cursor = CreditCursor(text)
                guard cursor != nil else { throw CallChecks.malformed("after", "is not from a page of this list") }
            }
            return try await reports.credits(
                call.parameters,
                after: cursor,
                limit: try CallChecks.limit(call.parameters.limit, default: 200, most: 1_000),
                deadline: call.deadline
            )
        }
        routes.serve(ListCharges.self) { _, call -> ListCharges.Output in
            try await reports.charges(
                call.parameters,
                limit: try CallChecks.limit(call.parameters.limit, default: 200, most: 1_000),
                deadline: call.deadline
            )
        }
        routes.serve(ListAdjustments.self) { _, call -> ListAdjustments.Output in
            try await reports.proposals(deadline: call.deadline)
        }
        routes.serve(GetDailyTotals.self) { _, call -> GetDailyTotals.Output in
            let day =
                call.parameters.day.map { OperatorDay($0, offset: rules.dayOffset) }
                ?? OperatorDay(at: clock.now, offset: rules.dayOffset)
            guard let day else { throw CallChecks.malformed("day", "must be a date such as 2026-11-28") }
            return try await reports.totals(of: day, deadline: call.deadline)
        }
    }
}
