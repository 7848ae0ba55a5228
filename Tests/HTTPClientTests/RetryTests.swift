import EventLoop
import Foundation
import HTTP
import Telemetry
import Testing

@testable import HTTPClient

@Suite struct RetryRuleTests {
    private func pause(_ outcome: RetryRule.Outcome, attempt: Int = 1, left: Duration = .seconds(5)) -> Duration? {
        RetryRule.safe.pause(after: outcome, attempt: attempt, left: left, random: 0)
    }

    @Test func `a call that is not marked is never repeated`() {
        for outcome in [RetryRule.Outcome.failed(.cannotConnect), .answered(status: 503, retryAfterSeconds: nil)] {
            #expect(RetryRule.never.pause(after: outcome, attempt: 1, left: .seconds(5), random: 0) == nil)
        }
    }

    @Test func `trouble that may pass is waited for, longer each time and not for ever`() {
        #expect(pause(.failed(.connectionLost)) == .milliseconds(30))
        #expect(pause(.failed(.connectionLost), attempt: 2) == .milliseconds(60))
        #expect(pause(.failed(.connectionLost), attempt: 3) == nil)
        #expect(pause(.answered(status: 503, retryAfterSeconds: 2)) == .seconds(2))
        #expect(pause(.answered(status: 503, retryAfterSeconds: 9)) == nil)
        #expect(pause(.failed(.cannotConnect), left: .milliseconds(30)) == nil)
    }

    @Test(arguments: [200, 304, 400, 404, 409, 429, 500, 501])
    func `other answers are answers`(status: Int) {
        #expect(pause(.answered(status: status, retryAfterSeconds: nil)) == nil)
    }

    @Test(arguments: HTTPClientError.Code.allCases)
    func `only lost and refused connections are repeated`(code: HTTPClientError.Code) {
        let repeated: Set<HTTPClientError.Code> = [.cannotConnect, .connectionLost, .cannotResolve]
        #expect((pause(.failed(code)) != nil) == repeated.contains(code))
    }
}

@Suite struct RetryTests {
    private let loop = EventLoop(name: "retry-test")
    private let metrics = Metrics(service: "test")

    private func client() -> HTTPClient {
        HTTPClient(loop: loop, metrics: metrics, log: Log(service: "test", level: .error))
    }

    /// Ends the first connections without an answer.
    private func failingServer(times: Int) -> RawServer {
        RawServer { connection in
            while connection.read() != nil {
                guard connection.number > times else { return connection.resetOnClose() }
                connection.answer(200, "ok")
            }
        }
    }

    @Test func `a safe call survives two lost connections within its deadline`() async throws {
        let server = failingServer(times: 2)
        defer { server.stop() }
        let client = client()
        var request = ClientRequest(method: .post, url: server.url(), body: .bytes([1]))
        request.retry = .safe
        let answer = try await client.send(request)
        #expect(answer.status == 200)
        #expect(server.requests.count == 3)
        #expect(metrics.counter("atelier_http_client_repeats_total", "", labels: ["peer"]).value("other") == 2)
        await client.shutdown()
    }

    @Test func `an unmarked call is sent once`() async throws {
        let server = failingServer(times: 2)
        defer { server.stop() }
        let client = client()
        do {
            _ = try await client.send(ClientRequest(method: .post, url: server.url(), body: .bytes([1])))
            Issue.record("the call was answered")
        } catch {
            #expect(error.code == .connectionLost)
            #expect(error.mayHaveBeenSent)
        }
        #expect(server.requests.count == 1)
        await client.shutdown()
    }

    @Test func `a safe download starts over with an empty file`() async throws {
        let server = RawServer { connection in
            while connection.read() != nil {
                guard connection.number > 1 else {
                    return connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                }
                connection.answer(200, "0123456789")
            }
        }
        defer { server.stop() }
        let client = client()
        let path = temporaryPath()
        var request = ClientRequest(url: server.url())
        request.retry = .safe
        let file = try await client.download(request, to: path, maximumBytes: 100)
        #expect(file.bytes == 10)
        await client.shutdown()
    }

    @Test func `a file is streamed as the whole body`() async throws {
        let path = temporaryPath()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try Data(bytes).write(to: URL(filePath: path))
        let server = RawServer { connection in
            while let request = connection.read() {
                connection.answer(200, request.body == bytes ? "same" : "other")
            }
        }
        defer { server.stop() }
        let client = client()
        let answer = try await client.send(
            ClientRequest(
                method: .put,
                url: server.url(),
                fields: ["Content-Type": "image/png"],
                body: .file(path: path)
            )
        )
        #expect(String(decoding: answer.body, as: UTF8.self) == "same")
        #expect(server.requests.first?.contains("Content-Type: image/png") == true)
        await client.shutdown()
    }
}
