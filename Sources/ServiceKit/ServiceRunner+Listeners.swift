internal import Configuration
internal import Contracts
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
    static func publicServer(_ service: Service, _ context: ServiceContext, _ gate: StartGate) throws -> HTTPServer? {
        guard Service.name == .ingress else { return nil }
        var router = Router()
        router.middleware.append(PublicDoor.middleware(isOpen: { gate.hasOpened }, log: context.log))
        service.registerPublic(on: &router)
        let listen = try context.configuration.value(StandardKey.publicListen)
        var listener = HTTPServerConfiguration(host: listen.host, port: listen.port, name: "public")
        listener.tls = try context.configuration.tls(of: .public)
        try listener.setLimits(context.configuration)
        return HTTPServer(
            listener,
            router: router,
            loop: context.loop,
            metrics: context.metrics,
            log: context.log
        )
    }
}
