internal import Concurrency
package import EventLoop
package import HTTP
internal import HTTPServer
internal import Telemetry

/// An HTTP server on a free port that answers from a script and remembers what it was asked.
package final class StubServer: Sendable {
    private struct State {
        var script: [HTTPResponse] = []
        var requests: [HTTPRequest] = []
    }

    package let port: Int
    private let state: Locked<State>
    private let server: HTTPServer

    private init(port: Int, state: Locked<State>, server: HTTPServer) {
        self.port = port
        self.state = state
        self.server = server
    }

    /// Starts a server that answers with what was enqueued, in order, and then by `answer`.
    ///
    /// - Parameter answer: 404 unless given; may wait, to play a slow peer.
    package static func start(
        loop: EventLoop = TestLoop.shared,
        answer: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse = { _ in .text(404, "not scripted\n") }
    ) async throws -> StubServer {
        let state = Locked(State())
        var router = Router()
        for method in [HTTPMethod.get, .post, .put, .patch, .delete] {
            for template in ["/", "/{rest...}"] {
                router.on(method, template, maximumBodyBytes: 64 << 20) { request in
                    let scripted = state.withLock { state -> HTTPResponse? in
                        state.requests.append(request)
                        return state.script.isEmpty ? nil : state.script.removeFirst()
                    }
                    if let scripted { return scripted }
                    return try await answer(request)
                }
            }
        }
        let server = HTTPServer(
            HTTPServerConfiguration(host: "127.0.0.1", port: 0, name: "stub"),
            router: router,
            loop: loop,
            metrics: Metrics(service: "stub"),
            log: MemoryLog().log(service: "stub")
        )
        let port = try await server.start()
        return StubServer(port: port, state: state, server: server)
    }

    /// `http://127.0.0.1:<port>`.
    package var url: String { "http://127.0.0.1:\(port)" }

    /// Every request so far, in order of arrival.
    package var requests: [HTTPRequest] { state.withLock { $0.requests } }

    /// Adds answers to the script.
    package func enqueue(_ responses: HTTPResponse...) {
        state.withLock { $0.script += responses }
    }

    package func stop() async {
        await server.stop(within: .zero)
    }
}
