import EventLoop
import Glibc
import HTTP
import HTTPServer
import Testing

@Suite struct OverloadTests {
    @Test func `a body that drips is cut when its time is over`() async throws {
        let server = try await RunningServer.start({ $0.bodyDeadline = .milliseconds(250) }) {
            $0.on(.post, "/p") { _ in .text(200, "") }
        }
        let client = try await server.client()
        try await client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n")
        async let dripping: Void = {
            for _ in 0..<20 { try await client.send("x") }
        }()
        let answer = try await client.answer()
        #expect(answer.status == 408 && answer.has("Connection: close"))
        try? await dripping  // The server may have closed already.
        #expect(server.metric("atelier_http_refused_total", #"reason="body_deadline""#) == 1)
        await server.stop()
    }

    @Test func `a long pipeline lets others have their turn, and is counted`() async throws {
        let server = try await RunningServer.start({ $0.pipeliningDepth = 8 }) {
            $0.on(.get, "/") { _ in .text(200, "x") }
        }
        let client = try await server.client()
        try await client.send(String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 64))
        for _ in 0..<64 { #expect(try await client.answer().status == 200) }
        #expect(server.metric("atelier_http_throttled_total", #"reason="pipelining_depth""#) >= 4)
        await server.stop()
    }

    @Test func `the last request of a connection is counted`() async throws {
        let server = try await RunningServer.start({ $0.requestsPerConnection = 1 }) {
            $0.on(.get, "/") { _ in .text(200, "x") }
        }
        let client = try await server.client()
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try await client.receiveAll().contains("Connection: close"))
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="request_limit""#) == 1)
        await server.stop()
    }

    /// In a process of its own, since the limit is the process's.
    @Test func `without descriptors a server rests, serves those it has and accepts again`() async {
        await #expect(processExitsWith: .success) {
            let server = try await RunningServer.start { $0.on(.get, "/") { _ in .text(200, "x") } }
            let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
            let known = try await server.client()
            try await known.send(request)
            #expect(try await known.answer().status == 200)
            // One descriptor is left: the client's end takes it.
            let free = unsafe open("/dev/null", O_RDONLY)
            close(free)
            let before = limitDescriptors(to: rlim_t(free) + 1)
            let waiting = try await server.client()
            try await waiting.send(request)
            while server.metric("atelier_http_refused_total", #"reason="accept_failed""#) == 0 { await Task.yield() }
            try await known.send(request)
            #expect(try await known.answer().status == 200)
            _ = limitDescriptors(to: before)
            #expect(try await waiting.answer().status == 200)
            await server.stop()
        }
    }
}

/// Returns the limit that was in force.
private func limitDescriptors(to number: rlim_t) -> rlim_t {
    var limit = rlimit()
    _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let before = limit.rlim_cur
    limit.rlim_cur = number
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return before
}
