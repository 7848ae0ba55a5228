import Contracts
import PaymentsService
import Testing

@Suite struct ProviderAnswerTests {
    @Test(arguments: [400, 405, 410, 415, 422])
    func `our own mistakes are not repeated`(status: Int) {
        let answer = ProviderAnswer(status: status, body: nil)
        #expect(answer == .refused(ProviderError(status: status)))
        #expect(!answer.isRetryable)
    }

    @Test(arguments: [401, 403])
    func `wrong credentials call for an operator`(status: Int) {
        #expect(ProviderAnswer(status: status, body: nil) == .credentialsRejected(ProviderError(status: status)))
    }

    @Test(arguments: [100, 202, 204, 301, 408, 500, 502, 503, 504, 599])
    func `everything that does not say what happened is unknown`(status: Int) {
        let answer = ProviderAnswer(status: status, body: nil)
        guard case .unknown = answer else { return #expect(Bool(false), "\(answer)") }
        #expect(answer.isRetryable)
    }

    @Test func `only 200 with an object is an answer`() throws {
        #expect(ProviderAnswer(status: 200, body: ["id": "p"]) == .object(["id": "p"]))
        for body in [nil, [], "x", .null] as [JSONValue?] {
            #expect(ProviderAnswer(status: 200, body: body).isRetryable)
        }
    }

    @Test func `the provider's own error objects are understood`() throws {
        #expect(try ProviderAnswer(status: 404, body: Fixture.json("errors_not_found")) == .notFound)
        #expect(
            try ProviderAnswer(status: 500, body: Fixture.json("errors_internal_server_error"))
                == .unknown(reason: "500", retryAfter: .milliseconds(1_800))
        )
        #expect(
            try ProviderAnswer(status: 202, body: Fixture.json("errors_processing_202_legacy"))
                == .unknown(reason: "202", retryAfter: .milliseconds(1_800))
        )
        guard
            case .refused(let error) = try ProviderAnswer(
                status: 400,
                body: Fixture.json("errors_invalid_request_receipt")
            )
        else { return #expect(Bool(false)) }
        #expect(error.code == "invalid_request")
        #expect(error.parameter == "receipt")
        #expect(error.id == "26f9ae2d-000f-5000-a83d-ddb3cc244a17")
    }

    @Test func `a hint is believed within bounds`() {
        #expect(ProviderAnswer(status: 429, body: ["retry_after": 1_800]) == .limited(retryAfter: .milliseconds(1_800)))
        #expect(ProviderAnswer(status: 429, body: ["retry_after": -5]) == .limited(retryAfter: .zero))
        #expect(
            ProviderAnswer(status: 429, body: ["retry_after": .integer(.max)]) == .limited(retryAfter: .seconds(60))
        )
        #expect(ProviderAnswer(status: 429, body: nil) == .limited(retryAfter: nil))
    }
}
