import Configuration
import Contracts
import EventLoop
import HTTP
import HTTPClient
import ServiceKit
import Telemetry
import TestSupport
import Testing
import Time

@Suite struct InternalClientTests {
    private let http = HTTPClient(
        loop: TestLoop.shared,
        configuration: HTTPClientConfiguration(),
        metrics: Metrics(service: "test"),
        log: MemoryLog().log()
    )

    private func client(_ url: String) -> InternalClient {
        InternalClient(
            service: .billing,
            baseURL: url,
            token: Secret("tok"),
            http: http,
            metrics: Metrics(service: "test")
        )
    }

    private let input = KeepNote.Input(text: "a", items: [])
    private let output = Array(#"{"text":"a","key":"k","fingerprint":"f","added_later":1}"#.utf8)

    @Test func `a call carries token, key, trace, timeout and its values`() async throws {
        let stub = try await StubServer.start()
        stub.enqueue(.json(201, output))
        let trace = TraceContext.start()
        let answer = try await TraceContext.$current.withValue(trace) {
            try await client(stub.url).call(
                KeepNote.self,
                input,
                parameters: .init(note: "ä/b", loud: true),
                key: "k",
                timeout: .seconds(3)
            )
        }
        #expect(answer.text == "a")
        let request = try #require(stub.requests.first)
        #expect(request.target == "/v1/notes/%C3%A4%2Fb?loud=true")
        #expect(request.fields["Authorization"] == "Bearer tok")
        #expect(request.fields["Idempotency-Key"] == "k")
        #expect(request.fields["Content-Type"] == "application/json")
        #expect(TraceContext(traceparent: request.fields["traceparent"] ?? "")?.traceID == trace.traceID)
        let timeout = try #require(request.fields["Atelier-Timeout-Ms"].flatMap { Int($0) })
        #expect((2_000...3_000).contains(timeout))
        #expect(String(decoding: request.body, as: UTF8.self) == #"{"items":[],"text":"a"}"#)
        await stub.stop()
    }

    @Test func `a call inside a call waits no longer than the outer one`() async throws {
        let stub = try await StubServer.start()
        stub.enqueue(.json(200, Array(#"{"mood":"calm"}"#.utf8)))
        _ = try await CallDeadline.$current.withValue(.after(.milliseconds(800))) {
            try await client(stub.url).call(GetMood.self)
        }
        let timeout = try #require(stub.requests.first?.fields["Atelier-Timeout-Ms"].flatMap { Int($0) })
        #expect((1...800).contains(timeout))
        await stub.stop()
    }

    @Test func `a call whose outer time is over is not sent`() async throws {
        let stub = try await StubServer.start()
        let error = await #expect(throws: CallError.self) {
            try await CallDeadline.$current.withValue(.after(.zero)) { try await client(stub.url).call(GetMood.self) }
        }
        guard case .unreachable(let reason)? = error else { return #expect(Bool(false), "not unreachable") }
        #expect(reason.code == .deadlineExceeded && !reason.mayHaveBeenSent)
        #expect(stub.requests.isEmpty)
        await stub.stop()
    }

    @Test func `a mutating call without a key is not sent`() async throws {
        let error = await #expect(throws: CallError.self) {
            try await client("http://127.0.0.1:9").call(KeepNote.self, input, parameters: .init(note: "n"))
        }
        #expect(error?.problem?.code == .idempotencyKeyMissing)
    }

    @Test func `a callee's problem comes back with its members`() async throws {
        let stub = try await StubServer.start()
        stub.enqueue(Problem(.insufficientFunds, "no", members: ["shortage_kopecks": 7]).response)
        let error = await #expect(throws: CallError.self) { try await client(stub.url).call(GetMood.self) }
        #expect(error?.problem?.code == .insufficientFunds)
        #expect(error?.problem?.members["shortage_kopecks"] == 7)
        #expect(error?.isRetryable == false)
        await stub.stop()
    }

    @Test(arguments: [(502, true), (429, true), (404, false)])
    func `an error page without problem+json counts by its status`(status: Int, isRetryable: Bool) async throws {
        let stub = try await StubServer.start()
        // As often as a read is repeated.
        for _ in 0..<3 { stub.enqueue(.text(status, "<html>")) }
        let error = await #expect(throws: CallError.self) { try await client(stub.url).call(GetMood.self) }
        #expect(error?.problem?.code == .unknown)
        #expect(error?.problem?.status == status)
        #expect(error?.isRetryable == isRetryable)
        await stub.stop()
    }

    @Test func `an answer of another shape may be asked again`() async throws {
        let stub = try await StubServer.start()
        stub.enqueue(.json(200, Array("{}".utf8)))
        let error = await #expect(throws: CallError.self) { try await client(stub.url).call(GetMood.self) }
        #expect(error?.isRetryable == true)
        #expect(error?.problem == nil)
        await stub.stop()
    }

    @Test func `nobody there is unreachable and certainly not sent`() async throws {
        let error = await #expect(throws: CallError.self) { try await client("http://127.0.0.1:1").call(GetMood.self) }
        guard case .unreachable(let reason)? = error else { return #expect(Bool(false), "not unreachable") }
        #expect(!reason.mayHaveBeenSent)
    }

    @Test func `a stored command sends the bytes that were frozen, and a refusal is an answer`() async throws {
        let stub = try await StubServer.start()
        stub.enqueue(Problem(.holdExpired).response, .json(201, output))
        let command = try StoredCommand(KeepNote.self, input: input, parameters: .init(note: "n"), key: "k")
        let refused = try await client(stub.url).send(command)
        #expect(refused.status == 410 && refused.problem?.code == .holdExpired && !refused.isRetryable)
        let done = try await client(stub.url).send(command)
        #expect(done.isSuccess && done.body == output && done.problem == nil)
        #expect(stub.requests.map(\.body) == [command.body, command.body])
        #expect(stub.requests.map { $0.fields["Idempotency-Key"] } == ["k", "k"])
        await stub.stop()
    }
}
