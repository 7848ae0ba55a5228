internal import Concurrency
internal import Configuration
internal import Contracts
internal import EventLoop
internal import HTTP
internal import Synchronization
internal import Telemetry
internal import Time

/// What every internal call passes before and after its handler: trace, gate, caller, deadline, errors, metrics.
///
/// Metrics: `atelier_calls_total{operation,caller,outcome}`, `atelier_call_seconds{operation}`; the outcome is `ok`,
/// `replayed` or a problem code.
final class CallReception: Sendable {
    private let authentication: Authentication
    private let gate: StartGate
    private let loop: EventLoop
    private let log: Log
    private let calls: Counter
    private let seconds: Histogram

    init(tokens: [String: Secret], gate: StartGate, loop: EventLoop, metrics: Metrics, log: Log) {
        self.authentication = Authentication(tokens: tokens)
        self.gate = gate
        self.loop = loop
        self.log = log
        self.calls = metrics.counter(
            "atelier_calls_total",
            "Calls of the internal API that were answered.",
            labels: ["operation", "caller", "outcome"]
        )
        self.seconds = metrics.histogram(
            "atelier_call_seconds",
            "Time from the arrival of an internal call to its answer.",
            labels: ["operation"]
        )
    }

    /// Answers a call; never throws, since the conversion of errors happens here and nowhere else.
    ///
    /// - Parameter body: Gets the caller and its deadline; says whether the answer is a replay.
    func receive(
        _ request: HTTPRequest,
        operation: String,
        callers: Set<ServiceName>,
        timeout: Duration,
        _ body: @escaping @Sendable (ServiceName, Deadline) async throws -> (HTTPResponse, isReplayed: Bool)
    ) async -> HTTPResponse {
        let started = Deadline.monotonicNow()
        let trace = request.fields["traceparent"].flatMap { TraceContext(traceparent: $0) }?.child() ?? .start()
        return await TraceContext.$current.withValue(trace) {
            var caller: ServiceName?
            var outcome: String
            var response: HTTPResponse
            do {
                let known = try authenticated(request, callers: callers)
                caller = known
                try gate.check()
                let (answer, isReplayed) = try await within(request, timeout) { try await body(known, $0) }
                response = answer
                outcome = isReplayed ? "replayed" : "ok"
            } catch {
                let problem = problem(for: error, operation: operation)
                response = problem.response
                outcome = problem.code.rawValue
            }
            calls.increment(operation, caller?.rawValue ?? "none", outcome)
            seconds.observe(Double(Deadline.monotonicNow() - started) * 1e-9, operation)
            return response
        }
    }

    private func authenticated(_ request: HTTPRequest, callers: Set<ServiceName>) throws -> ServiceName {
        guard let caller = authentication.caller(authorization: request.fields["Authorization"]) else {
            throw Problem(.unauthenticated, "a bearer token that this service accepts is needed")
        }
        guard callers.contains(caller) else {
            throw Problem(.callerNotAllowed, "\(caller.rawValue) may not call this operation")
        }
        return caller
    }

    /// Runs a handler until the caller's deadline. The route's own timeout is kept by the server, so only a shorter one
    /// that came with the call needs a timer here.
    private func within<Result: Sendable>(
        _ request: HTTPRequest,
        _ timeout: Duration,
        _ body: @escaping @Sendable (Deadline) async throws -> Result
    ) async throws -> Result {
        guard let milliseconds = request.fields[WireField.timeout].flatMap(Int64.init), milliseconds >= 0,
            Duration.milliseconds(milliseconds) < timeout
        else {
            let deadline = Deadline.after(timeout)
            return try await CallDeadline.$current.withValue(deadline) { try await body(deadline) }
        }
        guard milliseconds > 0 else { throw Problem(.deadlineExceeded, "the caller's time was over on arrival") }
        let deadline = Deadline.after(.milliseconds(milliseconds))
        return try await CallDeadline.$current.withValue(deadline) {
            try await loop.withDeadline(deadline) { try await body(deadline) }
        }
    }

    private func problem(for error: any Error, operation: String) -> Problem {
        if let problem = ErrorConversion.problem(for: error) {
            // A problem that the handler chose to throw is an answer; what was converted is trouble.
            if problem.status >= 500 && !(error is Problem) {
                log.warning(
                    "call failed",
                    [.operation: .string(operation), .status: .int(problem.status), .error: .describing(error)]
                )
            }
            return problem
        }
        log.error("call failed unexpectedly", [.operation: .string(operation), .error: .describing(error)])
        return Problem(.internalError)
    }
}

/// Header fields of internal calls beyond the common ones.
enum WireField {
    /// How long the caller still waits, in milliseconds; relative, since clocks of machines differ.
    static let timeout = "Atelier-Timeout-Ms"
    static let idempotencyKey = "Idempotency-Key"
    static let replayed = "Idempotency-Replayed"
}

/// Closed until a service has everything it needs for the first time.
final class StartGate: Sendable {
    private let isOpen = Atomic(false)

    func open() { isOpen.store(true, ordering: .releasing) }

    var hasOpened: Bool { isOpen.load(ordering: .acquiring) }

    /// - Throws: `unavailable` while closed.
    func check() throws(Problem) {
        if !hasOpened { throw Self.closed }
    }

    static let closed = Problem(
        .unavailable,
        "the service is starting; /readyz says what is missing",
        retryAfterSeconds: 1
    )
}
