import Contracts
import HTTP
import HTTPClient
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import BillingService

@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct BillingAPITests {
    private typealias Service = TestService<BillingService>

    private func credit(_ service: Service, _ user: UserID, _ amount: Int64, key: String = "credit") async throws
        -> CreditState
    {
        try await service.client(as: .payments).call(
            Credit.self,
            Credit.Input(userID: user, amountKopecks: amount, source: .yookassa, reference: key, memo: "Top-up"),
            key: key
        )
    }

    private func holding(_ user: UserID, _ amount: Int64, id: HoldID = HoldID()) -> PlaceHold.Input {
        PlaceHold.Input(
            holdID: id,
            userID: user,
            amountKopecks: amount,
            expiresAt: WallClock.system.now + .seconds(3_600),
            memo: "nano-banana"
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

    /// A call by hand, to see status and headers.
    private func post(
        _ service: Service,
        _ path: String,
        _ body: some Encodable,
        key: String?,
        token: String?
    ) async throws -> ClientResponse {
        var fields: HTTPFields = ["Content-Type": "application/json"]
        if let token { fields["Authorization"] = "Bearer \(token)" }
        if let key { fields["Idempotency-Key"] = key }
        return try await service.runner.context.http.send(
            ClientRequest(
                method: .post,
                url: service.url + path,
                fields: fields,
                body: .bytes(try ContractJSON.encode(body))
            )
        )
    }

    // MARK: Refusals

    @Test func `without a token 401, by a caller that may not 403, without a key 400`() async throws {
        try await Service.run { service in
            let input = holding(1, 1)
            let token = Service.token(.generation)
            let callers: [(token: String?, key: String?)] = [
                (nil, "k"), ("guess", "k"), (Service.token(.payments), "k"), (token, nil),
            ]
            var statuses: [Int] = []
            for caller in callers {
                let answer = try await post(service, "/v1/holds", input, key: caller.key, token: caller.token)
                statuses.append(answer.status)
            }
            #expect(statuses == [401, 401, 403, 400])
            let hold = await problem { () throws(CallError) in
                try await service.client(as: .conversation).call(PlaceHold.self, input, key: "k")
            }
            #expect(hold?.code == .callerNotAllowed)
        }
    }

    @Test func `too little money is 402 with the shortage, and stays so under the same key`() async throws {
        try await Service.run { service in
            let generation = service.client(as: .generation)
            _ = try await credit(service, 1, 300)
            let input = holding(1, 1_000)
            let refused = await problem { () throws(CallError) in
                try await generation.call(PlaceHold.self, input, key: "hold")
            }
            #expect(refused?.status == 402)
            #expect(refused?.code == .insufficientFunds)
            #expect(refused?.members["shortage_kopecks"] == .integer(700))
            #expect(refused?.members["available_kopecks"] == .integer(300))
            _ = try await credit(service, 1, 5_000, key: "more")
            let again = await problem { () throws(CallError) in
                try await generation.call(PlaceHold.self, input, key: "hold")
            }
            #expect(again == refused)
            let other = try await generation.call(PlaceHold.self, input, key: "another")
            #expect(other.state == .live)
        }
    }

    @Test func `the same key with another body is 409, under another caller a key of its own`() async throws {
        try await Service.run { service in
            _ = try await credit(service, 1, 300, key: "shared")
            let payments = service.client(as: .payments)
            let other = Credit.Input(userID: 1, amountKopecks: 5, source: .stars, reference: "x", memo: "")
            let mismatch = await problem { () throws(CallError) in
                try await payments.call(Credit.self, other, key: "shared")
            }
            #expect(mismatch?.status == 409)
            #expect(mismatch?.code == .idempotencyMismatch)
            let state = try await service.client(as: .operator).call(Credit.self, other, key: "shared")
            #expect(state.balance.postedKopecks == 305)
        }
    }

    @Test func `values out of range are 400 and store nothing`() async throws {
        try await Service.run { service in
            let generation = service.client(as: .generation)
            var far = holding(1, 1)
            far.expiresAt = WallClock.system.now + .seconds(8 * 86_400)
            var long = holding(1, 1)
            long.memo = String(repeating: "ы", count: 201)
            var null = holding(1, 1)
            null.memo = "a\u{0}b"
            for input in [holding(0, 1), holding(1, -1), holding(1, 100_000_001), far, long, null] {
                let refused = await problem { () throws(CallError) in
                    try await generation.call(PlaceHold.self, input, key: "key")
                }
                #expect(refused?.code == .malformedRequest)
            }
            #expect(try await ScratchDatabase.current.database.query("select 1 from operation").isEmpty)
            let missing = try await post(
                service,
                "/v1/holds",
                ["user_id": 1],
                key: "k",
                token: Service.token(.generation)
            )
            #expect(missing.status == 400)
        }
    }

    @Test func `a hold that was charged can be neither charged nor released again`() async throws {
        try await Service.run { service in
            let generation = service.client(as: .generation)
            _ = try await credit(service, 1, 300)
            let hold = try await generation.call(PlaceHold.self, holding(1, 200), key: "hold")
            let parameters = HoldParameters(holdID: hold.holdID)
            let input = ChargeHold.Input(
                userID: 1,
                amountKopecks: 150,
                jobID: JobID(),
                model: "veo",
                variant: "fast",
                providerCostMicrodollars: 1
            )
            _ = try await generation.call(ChargeHold.self, input, parameters: parameters, key: "charge")
            let charged = await problem { () throws(CallError) in
                try await generation.call(ChargeHold.self, input, parameters: parameters, key: "charge-2")
            }
            #expect(charged?.code == .holdAlreadyCharged)
            #expect(charged?.status == 409)
            let released = await problem { () throws(CallError) in
                try await generation.call(
                    ReleaseHold.self,
                    ReleaseHold.Input(userID: 1, reason: "late"),
                    parameters: parameters,
                    key: "release"
                )
            }
            #expect(released?.code == .holdAlreadyCharged)
            let unknown = await problem { () throws(CallError) in
                try await generation.call(
                    ReleaseHold.self,
                    ReleaseHold.Input(userID: 1, reason: "x"),
                    parameters: HoldParameters(holdID: HoldID()),
                    key: "unknown"
                )
            }
            #expect(unknown?.status == 404)
        }
    }

    // MARK: The good case

    @Test func `a replay gives the first answer again, marked as such`() async throws {
        try await Service.run { service in
            _ = try await credit(service, 1, 300)
            let token = Service.token(.generation)
            let input = holding(1, 100)
            let first = try await post(service, "/v1/holds", input, key: "hold", token: token)
            _ = try await credit(service, 1, 5, key: "meanwhile")
            let second = try await post(service, "/v1/holds", input, key: "hold", token: token)
            #expect(first.status == 201)
            #expect(first.fields["Idempotency-Replayed"] == nil)
            #expect(second.fields["Idempotency-Replayed"] == "true")
            #expect(first.body == second.body)
        }
    }

    @Test func `money goes in, is held, charged and shown in the statement`() async throws {
        try await Service.run { service in
            let generation = service.client(as: .generation)
            let user: UserID = 5_000_000_001
            _ = try await credit(service, user, 30_000)
            let grant = Credit.Input(
                userID: user,
                amountKopecks: 1_000,
                source: .bonus,
                reference: "welcome",
                memo: "Welcome"
            )
            _ = try await service.client(as: .payments).call(Credit.self, grant, key: "grant")
            let hold = try await generation.call(PlaceHold.self, holding(user, 1_400), key: "hold")
            #expect(hold.balance.availableKopecks == 29_600)
            let jobID = JobID()
            let charged = try await generation.call(
                ChargeHold.self,
                ChargeHold.Input(
                    userID: user,
                    amountKopecks: 1_200,
                    jobID: jobID,
                    model: "nano-banana",
                    variant: "2k",
                    providerCostMicrodollars: 20_000
                ),
                parameters: HoldParameters(holdID: hold.holdID),
                key: "charge"
            )
            #expect(charged.releasedKopecks == 200)
            #expect(charged.balance.paidKopecks == 29_800)
            #expect(charged.balance.bonusKopecks == 0)
            let conversation = service.client(as: .conversation)
            let balance = try await conversation.call(GetBalance.self, parameters: .init(userID: user))
            #expect(balance == charged.balance)
            let statement = try await conversation.call(
                ListEntries.self,
                parameters: ListEntries.Parameters(userID: user)
            )
            #expect(statement.entries.map(\.kind) == [.charge, .grant, .topUp])
            #expect(statement.entries.map(\.amountKopecks) == [-1_200, 1_000, 30_000])
            #expect(statement.entries[0].jobID == jobID)
            let trial = try await service.client(as: .operator).call(GetTrialBalance.self)
            #expect(trial.sumKopecks == 0)
            #expect(
                trial.accounts.filter { $0.value != 0 } == [
                    "user": 29_800, "yookassa": -30_000, "bonus": -1_000, "revenue": 1_200,
                ]
            )
            #expect(trial.liveHolds == 0)
        }
    }

    @Test func `an account that nobody has touched has zeros and an empty statement`() async throws {
        try await Service.run { service in
            let conversation = service.client(as: .conversation)
            let balance = try await conversation.call(GetBalance.self, parameters: .init(userID: 42))
            #expect(balance.postedKopecks == 0 && balance.availableKopecks == 0)
            let statement = try await conversation.call(
                ListEntries.self,
                parameters: ListEntries.Parameters(userID: 42)
            )
            #expect(statement.entries.isEmpty && statement.nextBefore == nil)
        }
    }
}
