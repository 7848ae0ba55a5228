import Contracts
import ServiceKit

/// Reads: each is one statement, so each sees one state.
extension BillingService {
    func registerReads(on routes: inout Routes) {
        let queries = queries
        routes.serve(GetBalance.self) { _, call -> Balance in
            try CallChecks.user(call.parameters.userID)
            return try await queries.balance(of: call.parameters.userID, deadline: call.deadline)
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
        routes.serve(GetTrialBalance.self) { _, call -> GetTrialBalance.Output in
            try await queries.trialBalance(deadline: call.deadline)
        }
    }
}
