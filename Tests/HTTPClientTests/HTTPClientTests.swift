import EventLoop
import Glibc
import HTTP
import HTTPClient
import Telemetry
import Testing

/// A client on a loop of its own.
private struct Fixture {
    let loop = EventLoop(name: "client-test")
    let metrics = Metrics(service: "test")
    let client: HTTPClient

    init(_ configuration: HTTPClientConfiguration = HTTPClientConfiguration()) {
        client = HTTPClient(
            loop: loop,
            configuration: configuration,
            metrics: metrics,
            log: Log(service: "test", level: .error)
        )
    }

    func end() async {
        await client.shutdown()
        loop.shutdown()
    }

    /// The error of a call that must fail.
    func failure(_ request: ClientRequest) async -> HTTPClientError? {
        do {
            let answer = try await client.send(request)
            Issue.record("the call was answered with \(answer.status)")
            return nil
        } catch {
            return error
        }
    }
}

/// Runs a test with a server that does `serve` and a client.
private func with(
    configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
    _ serve: @escaping @Sendable (RawConnection) -> Void,
    _ body: (RawServer, Fixture) async throws -> Void
) async throws {
    let server = RawServer(serve)
    let fixture = Fixture(configuration)
    let outcome: Result<Void, any Error>
    do {
        try await body(server, fixture)
        outcome = .success(())
    } catch {
        outcome = .failure(error)
    }
    await fixture.end()
    server.stop()
    try outcome.get()
}

/// Answers every request of the connection with 200 and "ok".
@Sendable private func alwaysOK(_ connection: RawConnection) {
    while connection.read() != nil { connection.answer(200, "ok") }
}

@Suite struct HTTPClientTests {
    // MARK: Failures

    @Test func `a server that never answers ends the call at its deadline, perhaps sent`() async throws {
        try await with({ while $0.read() != nil {} }) { server, fixture in
            let error = await fixture.failure(
                ClientRequest(method: .post, url: server.url(), body: .bytes([1]), timeout: .milliseconds(80))
            )
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.mayHaveBeenSent == true)
        }
    }

    @Test func `an answer that trickles in is ended at the deadline too`() async throws {
        try await with({ connection in
            _ = connection.read()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow")
            connection.waitForClient()
        }) { server, fixture in
            let error = await fixture.failure(ClientRequest(url: server.url(), timeout: .milliseconds(80)))
            #expect(error?.code == .deadlineExceeded)
        }
    }

    @Test func `a refused connection is certainly not sent`() async throws {
        try await with(alwaysOK) { server, fixture in
            let url = server.url()
            server.stop()
            let error = await fixture.failure(ClientRequest(method: .post, url: url, body: .bytes([1])))
            #expect(error?.code == .cannotConnect)
            #expect(error?.mayHaveBeenSent == false)
        }
    }

    @Test func `calls that ended while they waited for a connection leave nothing behind`() async throws {
        var configuration = HTTPClientConfiguration()
        configuration.maximumConnectionsPerHost = 1
        configuration.maximumConnections = 1
        try await with(
            configuration: configuration,
            { connection in
                while connection.read() != nil {
                    usleep(100_000)
                    connection.answer(200, "ok")
                }
            }
        ) { server, fixture in
            for _ in 0..<3 {
                await withTaskGroup(of: Void.self) { group in
                    for index in 0..<20 {
                        group.addTask {
                            let timeout = Duration.milliseconds(index == 0 ? 5_000 : 30)
                            // Whether each is answered in time does not matter; that the client lives does.
                            _ = try? await fixture.client.send(ClientRequest(url: server.url(), timeout: timeout))
                        }
                    }
                }
            }
            let answer = try await fixture.client.send(ClientRequest(url: server.url()))
            #expect(answer.status == 200)
        }
    }

    @Test func `a host that does not exist is certainly not sent`() async throws {
        try await with(alwaysOK) { _, fixture in
            let error = await fixture.failure(ClientRequest(url: "http://nothing.invalid/"))
            #expect(error?.code == .cannotResolve)
            #expect(error?.mayHaveBeenSent == false)
        }
    }

    @Test func `a reset in the middle of the body is a lost connection`() async throws {
        try await with({ connection in
            _ = connection.read()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            connection.resetOnClose()
        }) { server, fixture in
            let error = await fixture.failure(ClientRequest(url: server.url()))
            #expect(error?.code == .connectionLost)
            #expect(error?.mayHaveBeenSent == true)
        }
    }

    @Test func `a POST on a reused connection that dies without an answer is not repeated`() async throws {
        try await with({ connection in
            guard connection.read() != nil else { return }
            connection.answer(200, "first")
            if connection.read() != nil { connection.resetOnClose() }
        }) { server, fixture in
            let request = ClientRequest(method: .post, url: server.url(), body: .bytes([UInt8]("once".utf8)))
            _ = try await fixture.client.send(request)
            let error = await fixture.failure(request)
            #expect(error?.code == .connectionLost)
            #expect(error?.mayHaveBeenSent == true)
            #expect(server.requests.count == 2)
        }
    }

    @Test func `a multipart POST on a reused connection that dies is not repeated either`() async throws {
        try await with({ connection in
            guard connection.read() != nil else { return }
            connection.answer(200, "first")
            if connection.read() != nil { connection.resetOnClose() }
        }) { server, fixture in
            let part = MultipartPart(name: "a", text: "once")
            let request = ClientRequest(method: .post, url: server.url(), body: .multipart([part]))
            _ = try await fixture.client.send(request)
            #expect(await fixture.failure(request)?.code == .connectionLost)
            #expect(server.requests.count == 2)
        }
    }

    @Test func `a body over the limit ends the call, with and without a length told`() async throws {
        let big = String(repeating: "x", count: 2_000)
        try await with({ connection in
            guard connection.read() != nil else { return }
            if connection.number == 1 {
                connection.answer(200, big)
            } else {
                connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n\(big)\r\n0\r\n\r\n")
            }
            connection.waitForClient()
        }) { server, fixture in
            for _ in 0..<2 {
                let request = ClientRequest(url: server.url(), maximumResponseBytes: 1_999)
                #expect(await fixture.failure(request)?.code == .responseTooLarge)
            }
        }
    }

    @Test func `an endless header ends the call`() async throws {
        var configuration = HTTPClientConfiguration()
        configuration.maximumHeaderBytes = 1_000
        try await with(
            configuration: configuration,
            { connection in
                _ = connection.read()
                connection.write("HTTP/1.1 200 OK\r\n")
                for number in 0..<200 { connection.write("X-\(number): filler\r\n") }
                connection.waitForClient()
            }
        ) { server, fixture in
            #expect(await fixture.failure(ClientRequest(url: server.url()))?.code == .malformedResponse)
        }
    }

    @Test func `an answer that is not HTTP is malformed`() async throws {
        try await with({ connection in
            _ = connection.read()
            connection.write("SSH-2.0-OpenSSH_9.2\r\n")
        }) { server, fixture in
            let error = await fixture.failure(ClientRequest(url: server.url()))
            #expect(error?.code == .malformedResponse)
            #expect(error?.mayHaveBeenSent == true)
        }
    }

    @Test func `cancelling the task ends the transfer`() async throws {
        try await with({ while $0.read() != nil {} }) { server, fixture in
            let call = Task {
                await fixture.failure(ClientRequest(method: .post, url: server.url(), body: .bytes([1])))
            }
            while server.requests.isEmpty { await Task.yield() }
            call.cancel()
            let error = await call.value
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveBeenSent == true)
        }
    }

    @Test func `a task that is cancelled already sends nothing`() async throws {
        try await with(alwaysOK) { server, fixture in
            let call = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return await fixture.failure(ClientRequest(url: server.url()))
            }
            let error = await call.value
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveBeenSent == false)
            #expect(server.requests.isEmpty)
        }
    }

    @Test func `shutting down ends calls in flight and refuses later ones`() async throws {
        try await with({ while $0.read() != nil {} }) { server, fixture in
            async let error = fixture.failure(ClientRequest(url: server.url()))
            while server.requests.isEmpty { await Task.yield() }
            await fixture.client.shutdown()
            let code = await error?.code
            #expect(code == .cancelled)
            #expect(await fixture.failure(ClientRequest(url: server.url()))?.code == .cancelled)
        }
    }

    @Test func `more calls than allowed in flight fail at once`() async throws {
        var configuration = HTTPClientConfiguration()
        configuration.maximumRequestsInFlight = 1
        try await with(configuration: configuration, { while $0.read() != nil {} }) { server, fixture in
            async let first = fixture.failure(ClientRequest(url: server.url(), timeout: .milliseconds(300)))
            while server.requests.isEmpty { await Task.yield() }
            #expect(await fixture.failure(ClientRequest(url: server.url()))?.code == .overloaded)
            let code = await first?.code
            #expect(code == .deadlineExceeded)
        }
    }

    @Test(arguments: ["ftp://127.0.0.1/", "file:///etc/passwd", "not a url", ""])
    func `a URL that is not HTTP is refused`(url: String) async throws {
        try await with(alwaysOK) { _, fixture in
            #expect(await fixture.failure(ClientRequest(url: url))?.code == .invalidRequest)
        }
    }

    @Test func `a breaker opens after failures and refuses without sending`() async throws {
        var configuration = HTTPClientConfiguration()
        configuration.circuit.failuresToOpen = 2
        try await with(
            configuration: configuration,
            { connection in
                while connection.read() != nil { connection.answer(503) }
            }
        ) { server, fixture in
            let request = ClientRequest(url: server.url(), circuit: "peer")
            for _ in 0..<2 {
                let answer = try await fixture.client.send(request)
                #expect(answer.status == 503)
            }
            #expect(await fixture.failure(request)?.code == .circuitOpen)
            #expect(server.requests.count == 2)
        }
    }

    // MARK: Ordinary calls

    @Test func `one connection carries call after call`() async throws {
        try await with(alwaysOK) { server, fixture in
            for _ in 0..<5 {
                let answer = try await fixture.client.send(ClientRequest(url: server.url()))
                #expect(answer.status == 200)
                #expect(answer.body == [UInt8]("ok".utf8))
            }
            #expect(server.accepted == 1)
            #expect(server.requests.count == 5)
        }
    }

    @Test func `calls run beside each other`() async throws {
        try await with(alwaysOK) { server, fixture in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 {
                    group.addTask { try await fixture.client.send(ClientRequest(url: server.url())).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 50))
        }
    }

    @Test func `the request goes out as given, without fields that curl would add`() async throws {
        try await with(alwaysOK) { server, fixture in
            var request = ClientRequest(
                method: .put,
                url: server.url("/a/../b?c=%D0%BA"),
                fields: ["X-Empty": "", "Content-Type": "x/y"],
                body: .bytes([UInt8](repeating: 65, count: 3_000_000))
            )
            _ = try await fixture.client.send(request)
            request = ClientRequest(method: .post, url: server.url("/empty"))
            _ = try await fixture.client.send(request)
            let put = server.requests[0].split(separator: "\r\n").sorted()
            #expect(
                put
                    == [
                        "Accept: */*", "Content-Length: 3000000", "Content-Type: x/y", "Host: 127.0.0.1:\(server.port)",
                        "PUT /a/../b?c=%D0%BA HTTP/1.1", "User-Agent: atelier", "X-Empty:",
                    ].sorted()
            )
            #expect(server.requests[1].contains("Content-Length: 0"))
            #expect(!server.requests[1].contains("Content-Type"))
        }
    }

    @Test func `every method goes out under its name`() async throws {
        try await with(alwaysOK) { server, fixture in
            for method in [HTTPMethod.get, .post, .put, .delete, .patch, .options] {
                _ = try await fixture.client.send(ClientRequest(method: method, url: server.url()))
            }
            #expect(
                server.requests.map { $0.prefix { $0 != " " } } == ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
            )
        }
    }

    @Test func `a line break in a header field is refused`() async throws {
        try await with(alwaysOK) { server, fixture in
            var fields: HTTPFields = [:]
            fields.add("X-A", "1\r\nX-B: 2")
            let request = ClientRequest(url: server.url(), fields: fields)
            if let sent = try? await fixture.client.send(request) { #expect(sent.status == 200) }
            #expect(server.requests.allSatisfy { !$0.contains("\nX-B") })
        }
    }

    @Test func `fields of the answer keep their order and interim answers and trailers stay out`() async throws {
        try await with({ connection in
            _ = connection.read()
            connection.write(
                "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\nSet-Cookie: a=1\r\n"
                    + "set-cookie:  b=2 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nX-Trailer: 1\r\n\r\n"
            )
            connection.waitForClient()
        }) { server, fixture in
            let answer = try await fixture.client.send(ClientRequest(url: server.url()))
            #expect(answer.status == 404)
            #expect(answer.fields.values("set-cookie") == ["a=1", "b=2"])
            #expect(answer.fields["Link"] == nil)
            #expect(answer.fields["X-Trailer"] == nil)
            #expect(answer.body == [UInt8]("no".utf8))
        }
    }

    @Test func `a multipart body arrives exactly, bytes and files`() async throws {
        let file = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let path = temporaryPath()
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        _ = unsafe file.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        defer { unsafe unlink(path) }
        try await with({ connection in
            guard let request = connection.read() else { return }
            // The echo lets the test compare what arrived.
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n")
            connection.write(request.body)
            connection.waitForClient()
        }) { server, fixture in
            let parts = [
                MultipartPart(name: "chat_id", text: "42"),
                MultipartPart(name: "photo", filename: "a.png", contentType: "image/png", content: .file(path: path)),
            ]
            let answer = try await fixture.client.send(
                ClientRequest(method: .post, url: server.url(), body: .multipart(parts))
            )
            let head = try #require(server.requests.first)
            let boundary = try #require(head.firstRange(of: "boundary=")).upperBound
            let mark = head[boundary...].prefix { $0 != "\r\n" }
            let expected =
                [UInt8](
                    ("--\(mark)\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n42\r\n--\(mark)\r\n"
                        + "Content-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n"
                        + "Content-Type: image/png\r\n\r\n").utf8
                ) + file + [UInt8]("\r\n--\(mark)--\r\n".utf8)
            #expect(answer.body == expected)
        }
    }

    @Test func `calls and connections are counted`() async throws {
        try await with(alwaysOK) { server, fixture in
            _ = try await fixture.client.send(ClientRequest(url: server.url(), peer: "telegram"))
            let text = String(decoding: fixture.metrics.render(), as: UTF8.self)
            #expect(
                text.contains(#"atelier_http_client_requests_total{service="test",peer="telegram",outcome="2xx"} 1"#)
            )
            #expect(text.contains(#"atelier_http_client_connections{service="test"} 1"#))
            #expect(text.contains(#"atelier_http_client_requests_in_flight{service="test"} 0"#))
        }
    }
}
