import HTTP
import HTTPServer
import Testing

/// A connection remembers what it asked for last; what it asks for next must not be taken for that.
@Suite struct `A connection's memory of its last route` {
    private static func routes(_ router: inout Router) {
        for method in [HTTPMethod.get, .post] {
            router.on(method, "/things/{name}") { .text(200, "\(method.rawValue) \($0.parameters["name"] ?? "")") }
        }
        router.on(.get, "/plain") { _ in HTTPResponse(status: 200) }
    }

    @Test func `holds neither for another target nor for another method`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await server.client()
        let long = String(repeating: "x", count: 300)
        let asked = [
            ("GET", "a"), ("GET", "a"), ("POST", "a"), ("GET", "b"), ("GET", "b?a"), ("GET", "b?a"), ("GET", long),
            ("GET", long), ("GET", "a"), ("POST", "a"), ("POST", "a"),
        ]
        for (method, name) in asked {
            try await client.send("\(method) /things/\(name) HTTP/1.1\r\nHost: h\r\n\r\n")
            let value = name.split(separator: "?")[0]
            #expect(try await client.answer().body == "\(method) \(value)")
        }
        await server.stop()
    }

    @Test func `holds no route that is missing`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await server.client()
        for (target, status) in [("/plain", 200), ("/none", 404), ("/plain", 200), ("/none", 404), ("/none", 404)] {
            try await client.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await client.answer().status == status)
        }
        #expect(server.metric("atelier_http_requests_total", #"route="/plain",status="2xx""#) == 2)
        await server.stop()
    }

    @Test func `leaves an empty answer its date and length, and its end where the client asks for it`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await server.client()
        try await client.send(
            "GET /plain HTTP/1.1\r\nHost: h\r\n\r\nGET /plain HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        )
        let kept = try await client.answer()
        #expect(kept.has("Content-Length: 0") && !kept.has("Connection: close"))
        #expect(kept.head.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
        let closed = try await client.answer()
        #expect(closed.has("Content-Length: 0") && closed.has("Connection: close"))
        await server.stop()
    }
}
