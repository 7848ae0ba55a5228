import EventLoop
import HTTP
import HTTPClient
import HTTPServer
import Telemetry
import TestSupport
import Testing
import Time

@Suite struct TLSTests {
    private static func start(
        _ certificates: TestCertificates,
        _ files: [String] = ["server"],
        _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) async throws -> RunningServer {
        var tls = TLSConfiguration(
            identities: files.map {
                TLSConfiguration.Identity(
                    certificateFile: certificates.path("\($0).pem"),
                    keyFile: certificates.path("\($0).key")
                )
            }
        )
        change(&tls)
        return try await RunningServer.start({ $0.tls = tls }) { router in
            router.on(.post, "/echo", maximumBodyBytes: 2_000_000) { request in
                HTTPResponse(status: request.isSecure ? 200 : 500, body: .bytes(request.body))
            }
            router.on(.get, "/large") { _ in
                HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 7, count: 3_000_000)))
            }
        }
    }

    private static func client(_ server: RunningServer, _ certificates: TestCertificates) -> HTTPClient {
        let configuration = HTTPClientConfiguration(certificateAuthorityFile: certificates.path("ca.pem"))
        return HTTPClient(
            loop: server.loop,
            configuration: configuration,
            metrics: server.metrics,
            log: Log(service: "test", sink: MemoryLog())
        )
    }

    private static func post(_ host: String, _ server: RunningServer, _ body: [UInt8]) -> ClientRequest {
        ClientRequest(
            method: .post,
            url: "https://\(host):\(server.port)/echo",
            body: .bytes(body),
            timeout: .seconds(20)
        )
    }

    @Test func `the end of an answer is told by close_notify, so that nothing can be cut off unseen`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "one", names: "IP:127.0.0.1")
        let server = try await Self.start(certificates)
        let request = "GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        let output = try await certificates.converse(server.port, request, ["-ign_eof"])
        #expect(output.contains("HTTP/1.1 404") && output.contains("closed"))
        #expect(!output.contains("unexpected eof"))
        await server.stop()
    }

    @Test func `large bodies pass both ways over one connection`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "one", names: "DNS:localhost,IP:127.0.0.1")
        let server = try await Self.start(certificates)
        let client = Self.client(server, certificates)
        let body = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for _ in 0..<3 {
            let answer = try await client.send(Self.post("localhost", server, body))
            #expect(answer.status == 200 && answer.body == body)
        }
        #expect(server.metric("atelier_http_connections_total", "listener") == 1)
        await client.shutdown()
        await server.stop()
    }

    @Test func `each name gets its certificate, unknown ones the first`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "first", names: "DNS:one.example")
        try await certificates.issue("second", subject: "second", names: "DNS:two.example,DNS:*.wild.example")
        let server = try await Self.start(certificates, ["server", "second"])
        let expected = [
            ("one.example", "first"), ("two.example", "second"), ("a.wild.example", "second"),
            ("a.b.wild.example", "first"), ("other.example", "first"),
        ]
        for (name, subject) in expected {
            let output = try await certificates.connect(server.port, "-servername", name)
            #expect(output.contains("subject=CN = \(subject)"), "\(name)")
        }
        #expect(try await certificates.connect(server.port, "-noservername").contains("subject=CN = first"))
        await server.stop()
    }

    @Test func `TLS 1.2 and 1.3 are spoken, older ones and weak ciphers are not`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "one", names: "IP:127.0.0.1")
        let server = try await Self.start(certificates)
        for version in ["-tls1_2", "-tls1_3"] {
            #expect(try await certificates.connect(server.port, version).contains("Verify return code: 0 (ok)"))
        }
        for refused in [["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA"]] {
            let output = try await certificates.connect(server.port, refused[0], refused[1], refused[2 % refused.count])
            #expect(output.contains("Cipher is (NONE)"))
        }
        #expect(server.metric("atelier_tls_handshakes_total", #"outcome="failed""#) >= 1)
        await server.stop()
    }

    @Test func `the protocol is agreed on by ALPN`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "one", names: "IP:127.0.0.1")
        let server = try await Self.start(certificates)
        let both = try await certificates.connect(server.port, "-alpn", "http/1.1,h2")
        #expect(both.contains("ALPN protocol: h2"))
        let old = try await certificates.connect(server.port, "-alpn", "http/1.1")
        #expect(old.contains("ALPN protocol: http/1.1"))
        let neither = try await certificates.connect(server.port, "-alpn", "spdy/1")
        #expect(neither.contains("no application protocol"))
        await server.stop()
    }

    @Test func `a session is resumed`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "one", names: "IP:127.0.0.1")
        let server = try await Self.start(certificates)
        let session = certificates.path("session")
        _ = try await certificates.connect(server.port, "-tls1_2", "-sess_out", session)
        let again = try await certificates.connect(server.port, "-tls1_2", "-sess_in", session)
        #expect(again.contains("Reused, TLSv1.2"))
        #expect(server.metric("atelier_tls_handshakes_total", #"outcome="resumed""#) == 1)
        await server.stop()
    }

    @Test func `a changed certificate is used for new connections while old ones go on`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "old", names: "IP:127.0.0.1,DNS:localhost")
        let server = try await Self.start(certificates) { $0.reloadInterval = .milliseconds(20) }
        let client = Self.client(server, certificates)
        #expect(try await client.send(Self.post("localhost", server, [1])).status == 200)
        // Files that don't fit are reported and the old ones stay.
        try await certificates.issue("other", subject: "other", names: "DNS:x")
        try writeFile(certificates.path("server.key"), Array("no key".utf8))
        await eventually { server.metric("atelier_tls_reloads_total", #"outcome="failed""#) >= 1 }
        #expect(try await certificates.connect(server.port).contains("subject=CN = old"))
        try await certificates.issue("server", subject: "new", names: "IP:127.0.0.1,DNS:localhost")
        await eventually { server.metric("atelier_tls_reloads_total", #"outcome="ok""#) >= 1 }
        #expect(try await certificates.connect(server.port).contains("subject=CN = new"))
        let before = server.metric("atelier_http_connections_total", "listener")
        #expect(try await client.send(Self.post("localhost", server, [2])).body == [2])
        #expect(server.metric("atelier_http_connections_total", "listener") == before)
        await client.shutdown()
        await server.stop()
    }

    @Test func `clients have to show a certificate where it is asked for`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "one", names: "IP:127.0.0.1,DNS:localhost")
        try await certificates.issue("caller", subject: "caller", names: "DNS:caller")
        let server = try await Self.start(certificates) {
            $0.clients = .mustIdentify(authorityFile: certificates.path("ca.pem"))
        }
        let stranger = Self.client(server, certificates)
        await #expect(throws: HTTPClientError.self) {
            _ = try await stranger.send(Self.post("localhost", server, [1]))
        }
        var configuration = HTTPClientConfiguration(certificateAuthorityFile: certificates.path("ca.pem"))
        configuration.certificateFile = certificates.path("caller.pem")
        configuration.keyFile = certificates.path("caller.key")
        let known = HTTPClient(
            loop: server.loop,
            configuration: configuration,
            metrics: server.metrics,
            log: Log(service: "test", sink: MemoryLog())
        )
        #expect(try await known.send(Self.post("localhost", server, [3])).body == [3])
        await stranger.shutdown()
        await known.shutdown()
        await server.stop()
    }

    @Test func `a handshake that doesn't end, or is none, costs its connection only`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "one", names: "IP:127.0.0.1,DNS:localhost")
        let server = try await Self.start(certificates) { $0.handshakeDeadline = .seconds(3) }
        let silent = try await server.client()
        #expect(try await silent.receiveAll().isEmpty)
        let slow = try await server.client()
        // The beginning of a record that never comes.
        try await slow.send([22, 3, 1, 2, 0, 1])
        #expect(try await slow.receiveAll().isEmpty)
        #expect(server.metric("atelier_tls_handshakes_total", #"outcome="too_slow""#) == 2)
        let plain = try await server.client()
        try await plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try await plain.receiveAll()  // An alert, perhaps.
        #expect(server.metric("atelier_tls_handshakes_total", #"outcome="failed""#) == 1)
        let client = Self.client(server, certificates)
        #expect(try await client.send(Self.post("localhost", server, [1])).status == 200)
        await client.shutdown()
        await server.stop()
    }

    @Test func `more handshakes than a turn takes all come through`() async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "one", names: "IP:127.0.0.1,DNS:localhost")
        let server = try await Self.start(certificates) { $0.handshakesPerTurn = 1 }
        let loop = EventLoop(name: "clients")
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<30 {
                group.addTask {
                    let client = HTTPClient(
                        loop: loop,
                        configuration: HTTPClientConfiguration(certificateAuthorityFile: certificates.path("ca.pem")),
                        metrics: Metrics(service: "client"),
                        log: Log(service: "test", sink: MemoryLog())
                    )
                    let status = try await client.send(Self.post("localhost", server, [1])).status
                    await client.shutdown()
                    return status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == [Int](repeating: 200, count: 30))
        #expect(server.metric("atelier_tls_handshakes_total", #"outcome="full""#) == 30)
        loop.shutdown()
        await server.stop()
    }

    @Test func `a certificate that cannot be used stops the start with its reason`() async throws {
        let certificates = try await TestCertificates()
        let error = await #expect(throws: HTTPServerError.self) { _ = try await Self.start(certificates) }
        #expect(error?.code == .certificateInvalid)
        #expect(error?.description.contains("server.pem") == true)
    }
}
