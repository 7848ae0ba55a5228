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
/// same, the answer is constant. Over TLS if a certificate and a key are named. Prints its port and serves until its input ends or it is signalled.
enum EdgeServer {
    static let scenario = LoadtestCommand.Scenario("edge-server") { loop, words in
        DescriptorLimit.raise()
        let log = Log(service: "edge")
        let metrics = Metrics(service: "edge")
        var router = Router()
        router.middleware.append(PublicDoor.middleware(isOpen: { true }, log: log))
        router.on(.post, "/webhooks/telegram/{bot}") { request in
            HTTPResponse(status: request.parameters["bot"] == "main" ? 200 : 404)
        }
        router.on(.get, "/metrics") { _ in HTTPResponse(status: 200, body: .bytes(metrics.render())) }
        var configuration = HTTPServerConfiguration(name: "public")
        // The load comes from one address.
        configuration.maximumConnections = 20_000
        configuration.maximumConnectionsPerAddress = 20_000
        if words.count == 2 {
            let identity = TLSConfiguration.Identity(certificateFile: words[0], keyFile: words[1])
            configuration.tls = TLSConfiguration(identities: [identity])
        }
        let server = HTTPServer(configuration, router: router, loop: loop, metrics: metrics, log: log)
        Console.say("\(try await server.start())")
        let (stops, continuation) = AsyncStream.makeStream(of: Void.self)
        StopSignals.listen { _ in continuation.finish() }
        for await _ in stops {}
        await server.stop(within: .seconds(5))
        return 0
    }
}
