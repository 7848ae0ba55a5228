import Contracts
import Foundation
import HTTP
import HTTPClient
import ServiceKit
import Telemetry
import TestSupport
import Testing

@Suite(.scratchDatabase) struct RoutesTests {
    private let folder: EmptyMigrations
    private let input = KeepNote.Input(text: "hello", items: [.init(amountKopecks: 1)])

    init() throws {
        folder = try EmptyMigrations()
    }

    private func withService(_ body: (TestService<EchoService>) async throws -> Void) async throws {
        try await TestService<EchoService>.run(environment: ["ATELIER_MIGRATIONS": folder.path], body)
    }

    /// Sends bytes as they are.
    private func send(
        _ service: TestService<EchoService>,
        _ method: HTTPMethod = .put,
        _ path: String = "/v1/notes/n1",
        token: String? = "generation-token",
        key: String? = "k1",
        body: String = #"{"text":"hello","items":[]}"#,
        fields: HTTPFields = [:]
    ) async throws -> ClientResponse {
        var request = ClientRequest(method: method, url: service.url + path, fields: fields)
        if let token { request.fields["Authorization"] = "Bearer \(token)" }
        if let key { request.fields["Idempotency-Key"] = key }
        if method != .get { request.body = .bytes(Array(body.utf8)) }
        return try await service.runner.context.http.send(request)
    }

    private func problem(_ response: ClientResponse) throws -> Problem {
        #expect(response.fields["Content-Type"] == "application/problem+json")
        let problem = try ContractJSON.decode(Problem.self, from: response.body)
        #expect(problem.status == response.status)
        return problem
    }

    @Test func `without a token, with a wrong one and with another scheme the answer is 401`() async throws {
        try await withService { service in
            for token in [nil, "wrong", "", "generation-tokenx"] as [String?] {
                let response = try await send(service, token: token)
                #expect(response.status == 401)
                #expect(response.fields["WWW-Authenticate"] == "Bearer")
                #expect(try problem(response).code == .unauthenticated)
            }
            let basic = try await send(service, token: nil, fields: ["Authorization": "Basic generation-token"])
            #expect(basic.status == 401)
        }
    }

    @Test func `a caller that may not call the operation gets 403`() async throws {
        try await withService { service in
            let response = try await send(service, token: "delivery-token")
            #expect(response.status == 403)
            #expect(try problem(response).code == .callerNotAllowed)
        }
    }

    @Test func `a mutating call without a key is refused, and so is a key of another form`() async throws {
        try await withService { service in
            let without = try await problem(send(service, key: nil))
            #expect(without.code == .idempotencyKeyMissing)
            for key in ["with space", String(repeating: "k", count: 201)] {
                let refusal = try await problem(send(service, key: key))
                #expect(refusal.code == .malformedRequest)
            }
        }
    }

    @Test(arguments: [
        (#"{"items":[]}"#, "text"), (#"{"text":null,"items":[]}"#, "text"), (#"{"text":1,"items":[]}"#, "text"),
        (#"{"text":"a","items":[{"amount_kopecks":1},{"amount_kopecks":"1"}]}"#, "items[1].amount_kopecks"),
        (#"{"text":"a","items":[{}]}"#, "items[0].amount_kopecks"),
    ])
    func `a malformed body names its member`(body: String, member: String) async throws {
        try await withService { service in
            let refusal = try await problem(send(service, body: body))
            #expect(refusal.code == .malformedRequest)
            #expect(refusal.members["member"] == .string(member))
        }
    }

    @Test(arguments: ["", "{", "[]", "nonsense", "{\"text\":\"a\",\"items\":[]} trailing"])
    func `a body that is no such JSON is refused`(body: String) async throws {
        try await withService { service in
            let response = try await send(service, body: body)
            #expect(response.status == 400)
            #expect(try problem(response).code == .malformedRequest)
        }
    }

    @Test func `a malformed query value names its parameter`() async throws {
        try await withService { service in
            let refusal = try await problem(send(service, .put, "/v1/notes/n1?loud=perhaps"))
            #expect(refusal.code == .malformedRequest)
            #expect(refusal.members["member"] == "loud")
        }
    }

    @Test func `unknown members are tolerated and change no fingerprint`() async throws {
        try await withService { service in
            let client = service.client(as: .generation)
            let first = try await client.call(
                KeepNote.self,
                KeepNote.Input(text: "a", items: []),
                parameters: .init(note: "n1"),
                key: "k"
            )
            let later = try await send(service, key: "k", body: #"{ "new_member": 1, "items": [], "text": "a" }"#)
            #expect(try ContractJSON.decode(KeepNote.Output.self, from: later.body).fingerprint == first.fingerprint)
            let other = try await client.call(
                KeepNote.self,
                KeepNote.Input(text: "a", items: []),
                parameters: .init(note: "n2"),
                key: "k"
            )
            #expect(other.fingerprint != first.fingerprint)
        }
    }

    @Test func `a replay says so`() async throws {
        try await withService { service in
            let fresh = try await send(service)
            #expect(fresh.status == 201)
            #expect(fresh.fields["Idempotency-Replayed"] == nil)
            let again = try await send(service, body: #"{"text":"again","items":[]}"#)
            #expect(again.fields["Idempotency-Replayed"] == "true")
        }
    }

    @Test func `a handler's problem goes out with its members`() async throws {
        try await withService { service in
            let response = try await send(service, body: #"{"text":"problem","items":[]}"#)
            let refusal = try problem(response)
            #expect(refusal.code == .insufficientFunds)
            #expect(refusal.members["shortage_kopecks"] == 5)
        }
    }

    @Test func `what nobody foresaw is 500, told to the log and not to the caller`() async throws {
        try await withService { service in
            let response = try await send(service, body: #"{"text":"unforeseen","items":[]}"#)
            #expect(response.status == 500)
            #expect(!String(decoding: response.body, as: UTF8.self).contains("Unforeseen"))
            #expect(service.log.lines.filter { $0.contains("Unforeseen") }.count == 1)
        }
    }

    @Test func `a busy database is 503 with a time to come back`() async throws {
        try await withService { service in
            let response = try await send(service, body: #"{"text":"database","items":[]}"#)
            #expect(try problem(response).code == .overloaded)
            #expect(response.fields["Retry-After"] == "1")
        }
    }

    @Test func `a caller's deadline ends the handler`() async throws {
        try await withService { service in
            let slow = #"{"text":"slow","items":[]}"#
            let response = try await send(service, body: slow, fields: ["Atelier-Timeout-Ms": "50"])
            #expect(try problem(response).code == .deadlineExceeded)
            let late = try await send(service, fields: ["Atelier-Timeout-Ms": "0"])
            #expect(try problem(late).code == .deadlineExceeded)
        }
    }

    @Test func `unknown paths and methods are problems too`() async throws {
        try await withService { service in
            #expect(try await problem(send(service, .get, "/v2/nothing")).code == .notFound)
            let response = try await send(service, .post, "/v1/mood")
            #expect(try problem(response).code == .methodNotAllowed)
            #expect(response.fields["Allow"]?.contains("GET") == true)
        }
    }

    @Test func `raw routes know their caller and refuse like the others`() async throws {
        try await withService { service in
            let bytes = try await send(service, .get, "/v1/bytes/x", token: "delivery-token", key: nil)
            #expect(String(decoding: bytes.body, as: UTF8.self) == "delivery")
            #expect(try await send(service, .get, "/v1/bytes/x", key: nil).status == 403)
            let missing = try await send(service, .get, "/v1/bytes/none", token: "delivery-token", key: nil)
            #expect(try problem(missing).code == .assetNotFound)
        }
    }

    @Test func `calls are counted by operation, caller and outcome`() async throws {
        try await withService { service in
            _ = try await send(service)
            _ = try await send(service, token: nil)
            let text = String(decoding: service.runner.context.metrics.render(), as: UTF8.self)
            let labels = #"service="billing",operation="keepNote""#
            #expect(text.contains("atelier_calls_total{\(labels),caller=\"generation\",outcome=\"ok\"} 1\n"))
            #expect(text.contains("atelier_calls_total{\(labels),caller=\"none\",outcome=\"unauthenticated\"} 1\n"))
        }
    }
}

/// A migrations folder without migrations.
final class EmptyMigrations {
    let path = FileManager.default.temporaryDirectory.path + "/atelier-empty-\(UUID().uuidString)"

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
