internal import Contracts
internal import HTTP
package import HTTPServer
package import Telemetry

/// What every request of a public listener passes before its handler: a trace of its own, the start gate, and the
/// conversion of whatever a handler throws.
package enum PublicDoor {
    /// - Parameter isOpen: False until the service can work; 503 then.
    package static func middleware(
        isOpen: @escaping @Sendable () -> Bool,
        log: Log
    ) -> Router.Middleware {
        { request, next in
            // Strangers don't get to choose trace ids.
            await TraceContext.$current.withValue(.start()) {
                do {
                    guard isOpen() else { throw StartGate.closed }
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
