package import Contracts
package import HTTP
package import HTTPServer
internal import Time

/// Collects the operations of a service's internal API.
///
/// Every route checks the caller's token, the `Idempotency-Key` of mutating calls and the body before its handler runs,
/// and turns what the handler throws into problem+json. Handlers throw `Problem`; database and callee trouble becomes
/// 503 by itself, anything else 500 `internal_error`, logged once.
package struct Routes {
    /// Longer than any caller of ours waits, so that a lost deadline header can't keep a handler for ever.
    private static let maximumTimeout = Duration.seconds(60)

    /// With everything registered so far.
    package private(set) var router: Router
    private let reception: CallReception

    init(router: Router, reception: CallReception) {
        self.router = router
        self.reception = reception
    }

    /// Serves an operation whose answers may be replays of an earlier one.
    package mutating func serve<O: Operation>(
        _ operation: O.Type,
        _ handler: @escaping @Sendable (O.Input, Call<O>) async throws -> Answer<O.Output>
    ) {
        let reception = reception
        let timeout = Self.maximumTimeout
        guard let method = HTTPMethod(rawValue: O.method.rawValue) else { return }
        router.on(method, O.path, maximumBodyBytes: O.maximumBodyBytes, timeout: timeout) { request in
            await reception.receive(request, operation: O.id, callers: O.callers, timeout: timeout) {
                caller,
                deadline in
                let (input, call) = try O.read(request, caller: caller, deadline: deadline)
                let answer = try await handler(input, call)
                return (try O.response(for: answer), answer.isReplayed)
            }
        }
    }

    /// Serves an operation whose answers are never replays: reads, and writes that are the same each time.
    package mutating func serve<O: Operation>(
        _ operation: O.Type,
        _ handler: @escaping @Sendable (O.Input, Call<O>) async throws -> O.Output
    ) {
        serve(operation) { input, call -> Answer<O.Output> in .fresh(try await handler(input, call)) }
    }

    /// Serves a call that carries bytes instead of JSON, see `RawRoute`.
    ///
    /// - Parameters:
    ///   - path: The template, also the `operation` label.
    ///   - handler: Gets the request and the caller.
    package mutating func raw(
        _ method: HTTPMethod,
        _ path: String,
        callers: Set<ServiceName>,
        maximumBodyBytes: Int = 1 << 20,
        timeout: Duration = .seconds(60),
        _ handler: @escaping @Sendable (HTTPRequest, ServiceName) async throws -> HTTPResponse
    ) {
        let reception = reception
        router.on(method, path, maximumBodyBytes: maximumBodyBytes, timeout: timeout) { request in
            await reception.receive(request, operation: path, callers: callers, timeout: timeout) { caller, _ in
                (try await handler(request, caller), false)
            }
        }
    }
}
