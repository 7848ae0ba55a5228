internal import Configuration
internal import Contracts
internal import EventLoop
internal import HTTP
internal import HTTPServer
internal import Telemetry
internal import Time

extension ServiceRunner {
    /// The listener of the internal API with the standard routes.
    static func internalServer(
        _ service: Service,
        _ context: ServiceContext,
        _ gate: StartGate,
        _ startup: Startup
    ) throws -> HTTPServer {
        var router = Router()
        router.fallback = { _, allowed in unknownCall(allowed: allowed) }
        HealthRoutes(
            context: context,
            startup: startup,
            serviceHealth: { await service.health() },
            started: context.clock.now
        ).register(on: &router)
        let reception = CallReception(
            tokens: try context.configuration.value(StandardKey.acceptTokens),
            gate: gate,
            loop: context.loop,
            metrics: context.metrics,
            log: context.log
        )
        var routes = Routes(router: router, reception: reception)
        service.register(on: &routes)
        let listen = try context.configuration.value(StandardKey.internalListen(Service.name))
        var listener = HTTPServerConfiguration(host: listen.host, port: listen.port, name: "internal")
        listener.tls = try context.configuration.tls(of: .internal)
        try listener.setLimits(context.configuration)
        return HTTPServer(
            listener,
            router: routes.router,
            loop: context.loop,
            metrics: context.metrics,
            log: context.log
        )
    }

    /// The answer to a call that no route takes.
    static func unknownCall(allowed: [HTTPMethod]) -> HTTPResponse {
        guard !allowed.isEmpty else { return Problem(.notFound, "there is no such path").response }
        var response = Problem(.methodNotAllowed, "the path takes another method").response
        response.fields["Allow"] = allowed.map(\.rawValue).joined(separator: ", ")
        return response
    }

    /// The listener for webhooks; nil for services without one.
    static func publicListener(
        _ service: Service,
        _ context: ServiceContext,
        _ gate: StartGate
    ) throws -> PublicListener? {
        guard Service.name == .ingress else { return nil }
        var router = Router()
        PublicDoor.stand(before: &router, isOpen: { gate.hasOpened }, log: context.log)
        service.registerPublic(on: &router)
        let listen = try context.configuration.value(StandardKey.publicListen)
        var listener = HTTPServerConfiguration(host: listen.host, port: listen.port, name: "public")
        listener.tls = try context.configuration.tls(of: .public)
        try listener.setLimits(context.configuration)
        let loop = EventLoop(name: "public")
        context.metrics.gauge("atelier_public_loop_lag_seconds", "How late the public listener's loop was of late.") {
            loop.lag.inSeconds
        }
        let server = HTTPServer(
            listener,
            router: router,
            loop: loop,
            metrics: context.metrics,
            log: context.log
        )
        return PublicListener(server: server, loop: loop)
    }
}

/// The public listener and the loop that it has for itself: reading requests and writing answers takes as long as all that
/// happens behind the door, so that each has a core where there are two.
struct PublicListener: Sendable {
    let server: HTTPServer
    let loop: EventLoop

    func stop(within limit: Duration) async {
        await server.stop(within: limit)
        loop.shutdown()
    }
}
