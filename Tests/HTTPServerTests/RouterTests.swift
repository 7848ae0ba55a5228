import HTTP
import HTTPServer
import Testing

@Suite struct RouterTests {
    private static func router() -> Router {
        var router = Router()
        func say(_ name: String) -> @Sendable (HTTPRequest) async throws -> HTTPResponse {
            { request in
                let values = request.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                return .text(200, ([name, request.route] + values).joined(separator: " "))
            }
        }
        router.on(.get, "/", say("root"))
        router.on(.get, "/holds", say("list"))
        router.on(.post, "/holds", say("place"))
        router.on(.get, "/holds/{hold_id}", say("get"))
        router.on(.get, "/holds/latest", say("latest"))
        router.on(.post, "/holds/{id}/charge", say("charge"))
        router.on(.post, "/holds/latest/release", say("release"))
        router.on(.get, "/files/{path...}", say("file"))
        router.on(.get, "/files/index", say("index"))
        return router
    }

    private func answer(_ method: HTTPMethod, _ target: String) async throws -> String {
        let response = try await Self.router().answer(HTTPRequest(method: method, target: target))
        guard case .bytes(let bytes) = response.body, response.status == 200 else {
            return "\(response.status) \(response.fields["Allow"] ?? "")"
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        ("/", "root /"), ("/?a=b", "root /"), ("/holds?x", "list /holds"),
        ("/holds/latest", "latest /holds/latest"),
        ("/holds/17", "get /holds/{hold_id} hold_id=17"),
        ("/holds/a%2Fb%20c", "get /holds/{hold_id} hold_id=a/b c"),
        ("/holds/%D1%8F", "get /holds/{hold_id} hold_id=я"),
        ("/files/a/b.png", "file /files/{path...} path=a/b.png"),
        ("/files/index", "index /files/index"),
        ("/files/index/x", "file /files/{path...} path=index/x"),
    ])
    func `a path finds its handler and values`(target: String, expected: String) async throws {
        #expect(try await answer(.get, target) == expected)
    }

    @Test func `a literal segment that leads nowhere gives way to a parameter`() async throws {
        #expect(try await answer(.post, "/holds/latest/charge") == "charge /holds/{id}/charge id=latest")
        #expect(try await answer(.post, "/holds/latest/release") == "release /holds/latest/release")
    }

    @Test(arguments: [
        "/nothing", "/holds/", "/holds//charge", "//", "/holds/17/", "/Holds", "/holds/17/charge/more", "/holds/..",
        "/holds/%2e%2e", "/holds/.", "/files/../secret", "/files/a/%2E%2E/b", "/holds/%ff", "*",
    ])
    func `an unknown path is 404`(target: String) async throws {
        #expect(try await answer(.get, target) == "404 ")
    }

    @Test func `a known path with another method is 405 and says which it takes`() async throws {
        #expect(try await answer(.delete, "/holds") == "405 GET, HEAD, POST")
        #expect(try await answer(.get, "/holds/1/charge") == "405 POST")
        // Both the literal and the parameter take this path.
        #expect(try await answer(.put, "/holds/latest") == "405 GET, HEAD")
    }

    @Test func `OPTIONS is answered with the methods, HEAD by the handler of GET`() async throws {
        #expect(try await answer(.options, "/holds") == "204 GET, HEAD, POST")
        #expect(try await answer(.head, "/holds") == "list /holds")
    }

    @Test func `middleware wraps handlers and the fallback, the first outermost`() async throws {
        var router = Self.router()
        for name in ["outer", "inner"] {
            router.middleware.append { request, next in
                var response = try await next(request)
                response.fields.add("Seen", name)
                return response
            }
        }
        let found = try await router.answer(HTTPRequest(target: "/holds"))
        #expect(found.fields.values("Seen") == ["inner", "outer"])
        let missing = try await router.answer(HTTPRequest(target: "/nothing"))
        #expect(missing.status == 404 && missing.fields.values("Seen") == ["inner", "outer"])
    }
}
