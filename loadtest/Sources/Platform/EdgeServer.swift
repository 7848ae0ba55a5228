internal import EventLoop
internal import Foundation
internal import HTTP
internal import HTTPServer
internal import Lifecycle
internal import LoadtestKit
internal import LocalSystem
internal import ServiceKit
internal import Telemetry

/// A listener like ingress' public one, with a handler that stores nothing: router, limits, metrics and trace are the
/// same, the answer is constant. Over TLS if a certificate and a key are named. Prints its port and serves until its input
/// ends or it is signalled.
///
/// `edge-server corpus` answers every request with 200 instead, under the small limits of Tests/Fixtures/http1.
enum EdgeServer {
    static let scenario = LoadtestCommand.Scenario("edge-server") { loop, words in
        DescriptorLimit.raise()
        let log = Log(service: "edge")
        let metrics = Metrics(service: "edge")
        var router = Router()
        PublicDoor.stand(before: &router, isOpen: { true }, log: log)
        var configuration = HTTPServerConfiguration(name: "public")
        // The load comes from one address.
        configuration.maximumConnections = 20_000
        configuration.maximumConnectionsPerAddress = 20_000
        // h2load opens no second connection when the first one has had its requests.
        configuration.requestsPerConnection = 1_000_000_000
        if words.count == 2 {
            let identity = TLSConfiguration.Identity(certificateFile: words[0], keyFile: words[1])
            configuration.tls = TLSConfiguration(identities: [identity])
        }
        if words == ["corpus"] {
            answerEverything(&router, &configuration)
        } else {
            router.onDeferred(.post, "/webhooks/telegram/{bot}") { request, reply in
                // Ingress starts one for each webhook.
                _ = TraceContext.start()
                reply.send(HTTPResponse(status: request.parameters["bot"] == "main" ? 200 : 404))
            }
            router.on(.get, "/metrics") { _ in HTTPResponse(status: 200, body: .bytes(metrics.render())) }
        }
        let server = HTTPServer(configuration, router: router, loop: loop, metrics: metrics, log: log)
        Console.say("\(try await server.start())")
        let (stops, continuation) = AsyncStream.makeStream(of: Void.self)
        StopSignals.listen { _ in continuation.finish() }
        for await _ in stops {}
        await server.stop(within: .seconds(5))
        return 0
    }

    private static func answerEverything(_ router: inout Router, _ configuration: inout HTTPServerConfiguration) {
        configuration.headerBytes = 512
        configuration.headerCount = 10
        configuration.targetBytes = 64
        configuration.chunkExtensionBytes = 32
        for method in [HTTPMethod.get, .post, .head] {
            router.on(method, "/{path...}", maximumBodyBytes: 100) { _ in HTTPResponse(status: 200) }
        }
        router.fallback = { _, _ in HTTPResponse(status: 200) }
    }
}
