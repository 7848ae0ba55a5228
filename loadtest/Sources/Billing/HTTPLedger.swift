import BillingService
import Contracts
import HTTP
import HTTPClient
import LocalSystem
import Time

/// The ledger's HTTP API, called as generation does.
struct HTTPLedger: Sendable {
    let http: HTTPClient
    let url: String
    let token: String

    struct Failed: Error, CustomStringConvertible {
        let response: ClientResponse
        var description: String { "\(response.status): \(String(decoding: response.body.prefix(500), as: UTF8.self))" }
    }

    /// One request for one order.
    func submitSingly(_ calls: [OrderMix.Call]) async throws -> [InProcessLedger.Outcome] {
        var outcomes: [InProcessLedger.Outcome] = []
        for call in calls {
            let response = try await post(Self.path(call.order), Self.body(call.order), key: call.key)
            var outcome = try Self.outcome(response)
            // A refusal does not say whether it is a repeated one.
            if outcome.verdict != "ok" { outcome.isReplayed = call.expected.isReplayed }
            outcomes.append(outcome)
        }
        return outcomes
    }

    /// One request for all orders.
    func submitTogether(_ calls: [OrderMix.Call]) async throws -> [InProcessLedger.Outcome] {
        let items = calls.map(Self.item).joined(separator: ",")
        let response = try await post("/v1/operations", "{\"items\":[\(items)]}", key: calls[0].key)
        guard response.status == 200 else { throw Failed(response: response) }
        let results = try ContractJSON.decode(ApplyOperations.Output.self, from: response.body).results
        return results.map { result in
            InProcessLedger.Outcome(
                verdict: result.verdict == "replayed" ? "ok" : result.verdict,
                isReplayed: result.isReplayed ?? false
            )
        }
    }

    /// An order as an item of a group.
    private static func item(_ call: OrderMix.Call) -> String {
        let body = body(call.order)
        return switch call.order {
        case .placeHold: "{\"key\":\"\(call.key)\",\"place_hold\":\(body)}"
        case .chargeHold(let id, _): "{\"key\":\"\(call.key)\",\"hold_id\":\"\(id)\",\"charge_hold\":\(body)}"
        case .releaseHold(let id, _): "{\"key\":\"\(call.key)\",\"hold_id\":\"\(id)\",\"release_hold\":\(body)}"
        case .credit: "{\"key\":\"\(call.key)\",\"credit\":\(body)}"
        }
    }

    private func post(_ path: String, _ body: String, key: String) async throws -> ClientResponse {
        let fields: HTTPFields = [
            "Content-Type": "application/json", "Authorization": "Bearer \(token)", "Idempotency-Key": key,
        ]
        return try await http.send(
            ClientRequest(
                method: .post,
                url: url + path,
                fields: fields,
                body: .bytes(Array(body.utf8)),
                timeout: .seconds(5)
            )
        )
    }

    private static func outcome(_ response: ClientResponse) throws -> InProcessLedger.Outcome {
        let isReplayed = response.fields["Idempotency-Replayed"] != nil
        switch response.status {
        case 200, 201: return .init(verdict: "ok", isReplayed: isReplayed)
        case 402:
            let problem = try ContractJSON.decode(Problem.self, from: response.body)
            return .init(verdict: problem.code.rawValue, isReplayed: isReplayed)
        default: throw Failed(response: response)
        }
    }

    private static func path(_ order: InProcessLedger.Order) -> String {
        switch order {
        case .placeHold: "/v1/holds"
        case .chargeHold(let id, _): "/v1/holds/\(id)/charge"
        case .releaseHold(let id, _): "/v1/holds/\(id)/release"
        case .credit: "/v1/credits"
        }
    }

    /// Written by hand: the client's CPU is taken from the same two cores.
    private static func body(_ order: InProcessLedger.Order) -> String {
        switch order {
        case .placeHold(let input):
            """
            {"hold_id":"\(input.holdID)","user_id":\(input.userID),"amount_kopecks":\(input.amountKopecks),\
            "expires_at":"\(input.expiresAt)","memo":"\(input.memo)"}
            """
        case .chargeHold(_, let input):
            """
            {"user_id":\(input.userID),"amount_kopecks":\(input.amountKopecks),"job_id":"\(input.jobID)",\
            "model":"\(input.model)","variant":"\(input.variant)",\
            "provider_cost_microdollars":\(input.providerCostMicrodollars)}
            """
        case .releaseHold(_, let input):
            """
            {"user_id":\(input.userID),"reason":"\(input.reason)"}
            """
        case .credit: ""
        }
    }
}
