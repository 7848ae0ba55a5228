internal import Contracts
internal import HTTP
package import HTTPServer
package import Telemetry

/// What every request of a public listener passes before its handler: the start gate, a trace of its own, and the
/// conversion of whatever a handler throws. Deferred handlers throw nothing and start their trace themselves.
package enum PublicDoor {
    /// - Parameter isOpen: False until the service can work; 503 then.
    package static func stand(
        before router: inout Router,
        isOpen: @escaping @Sendable () -> Bool,
        log: Log
    ) {
        router.gates.append { _ in isOpen() ? nil : StartGate.closed.response }
        router.middleware.append { request, next in
            // Strangers don't get to choose trace ids.
            await TraceContext.$current.withValue(.start()) {
                do {
                    return try await next(request)
                } catch {
                    if let problem = ErrorConversion.problem(for: error) { return problem.response }
                    log.error(
                        "request failed unexpectedly",
                        [.route: .string(request.route), .error: .describing(error)]
                    )
                    return Problem(.internalError).response
                }
            }
        }
    }
}
