package import Configuration
package import Contracts
internal import HTTP
package import HTTPClient
package import Telemetry
internal import Time

/// Calls another service's internal API.
///
/// Every call carries the bearer token, the task's `traceparent` and, as `Atelier-Timeout-Ms`, how long this side waits:
/// the shorter of the call's timeout and what is left of the call that the running task serves. Reads are repeated
/// within that time when the callee can't be reached; a mutating call never is: who owns the work decides that. A callee
/// that keeps failing is left alone for up to two seconds at a time (circuit breaker).
/// Metrics: `atelier_internal_calls_total{callee,operation,outcome}`, `atelier_internal_call_seconds{callee,operation}`.
package struct InternalClient: Sendable {
    /// Who is called.
    package let service: ServiceName
    private let baseURL: String
    private let token: Secret?
    private let http: HTTPClient
    private let calls: Counter
    private let seconds: Histogram

    package init(service: ServiceName, baseURL: String, token: Secret?, http: HTTPClient, metrics: Metrics) {
        self.service = service
        self.baseURL = baseURL
        self.token = token
        self.http = http
        self.calls = metrics.counter(
            "atelier_internal_calls_total",
            "Calls to other services that ended.",
            labels: ["callee", "operation", "outcome"]
        )
        self.seconds = metrics.histogram(
            "atelier_internal_call_seconds",
            "Time that calls to other services took.",
            labels: ["callee", "operation"]
        )
    }

    /// Calls an operation.
    ///
    /// - Parameters:
    ///   - key: The `Idempotency-Key`; needed by mutating operations.
    ///   - timeout: The operation's own default unless given.
    /// - Throws: `.problem` for the callee's refusals, `.unreachable` if there was no usable answer.
    package func call<O: Operation>(
        _ operation: O.Type,
        _ input: O.Input,
        parameters: O.Parameters,
        key: String? = nil,
        timeout: Duration? = nil
    ) async throws(CallError) -> O.Output {
        guard !O.isMutating || key != nil else {
            throw .problem(Problem(.idempotencyKeyMissing, "\(O.id) changes something and needs a key"))
        }
        let body: [UInt8]
        do { body = try O.body(input) } catch { throw .problem(Problem(.malformedRequest, "the input is no JSON")) }
        let response = try await exchange(
            method: O.method,
            path: O.target(parameters),
            body: body,
            key: key,
            operation: O.id,
            timeout: timeout ?? O.defaultTimeout,
            retry: O.isMutating ? .never : .safe
        )
        if let problem = Self.problem(in: response) { throw .problem(problem) }
        do {
            return try ContractJSON.decode(O.Output.self, from: response.body)
        } catch {
            throw .unreachable(
                HTTPClientError(
                    .malformedResponse,
                    mayHaveBeenSent: true,
                    "\(service.rawValue) answered \(O.id) otherwise"
                )
            )
        }
    }

    /// Sends a command whose bytes were frozen earlier. Any HTTP answer is an answer, a refusal too.
    package func send(
        _ command: StoredCommand,
        operation: String = "stored",
        timeout: Duration = .seconds(10)
    ) async throws(CallError) -> StoredAnswer {
        let response = try await exchange(
            method: command.method,
            path: command.path,
            body: command.body,
            key: command.key,
            operation: operation,
            timeout: timeout
        )
        return StoredAnswer(status: response.status, body: response.body, problem: Self.problem(in: response))
    }

    /// Fetches bytes into a file, see `RawRoute`.
    ///
    /// - Parameters:
    ///   - path: With path values filled in, percent-encoded.
    ///   - file: Created or replaced; does not exist after an error.
    package func download(
        _ path: String,
        to file: String,
        maximumBytes: Int64,
        timeout: Duration = .seconds(60)
    ) async throws(CallError) -> DownloadedFile {
        let request = try request(method: .get, path: path, body: [], key: nil, timeout: timeout)
        let started = Deadline.monotonicNow()
        do {
            let downloaded = try await http.download(request, to: file, maximumBytes: maximumBytes)
            let problem = Self.problem(
                in: ClientResponse(status: downloaded.status, fields: downloaded.fields, body: downloaded.errorBody)
            )
            record("download", started, problem?.code.rawValue ?? "ok")
            if let problem { throw CallError.problem(problem) }
            return downloaded
        } catch let error as HTTPClientError {
            record("download", started, error.code.rawValue)
            throw .unreachable(error)
        } catch let error as CallError {
            throw error
        } catch {
            throw .unreachable(HTTPClientError(.other, mayHaveBeenSent: true))
        }
    }

    /// Fetches bytes into memory, see `RawRoute`; any answer of 2xx or 416, of which the latter has no bytes, is one.
    ///
    /// - Parameters:
    ///   - path: With path values filled in, percent-encoded.
    ///   - range: The value of `Range`, e.g. `bytes=0-1023`.
    ///   - maximumBytes: A longer answer ends the call.
    package func fetch(
        _ path: String,
        range: String,
        maximumBytes: Int,
        timeout: Duration = .seconds(10)
    ) async throws(CallError) -> ClientResponse {
        var request = try request(method: .get, path: path, body: [], key: nil, timeout: timeout)
        request.fields["Range"] = range
        request.maximumResponseBytes = maximumBytes
        let started = Deadline.monotonicNow()
        do {
            let response = try await http.send(request)
            let problem = response.status == 416 ? nil : Self.problem(in: response)
            record("fetch", started, problem?.code.rawValue ?? "ok")
            if let problem { throw CallError.problem(problem) }
            return response
        } catch let error as HTTPClientError {
            record("fetch", started, error.code.rawValue)
            throw .unreachable(error)
        } catch let error as CallError {
            throw error
        } catch {
            throw .unreachable(HTTPClientError(.other, mayHaveBeenSent: true))
        }
    }

    /// Whether the callee says that it can take calls. A callee without this question counts as ready.
    package func isReady(within timeout: Duration) async -> Bool {
        let request = ClientRequest(
            url: baseURL + "/readyz",
            timeout: timeout,
            connectTimeout: timeout,
            peer: service.rawValue
        )
        // No answer is the answer here.
        guard let response = try? await http.send(request) else { return false }
        return response.status < 500
    }

    private func exchange(
        method: OperationMethod,
        path: String,
        body: [UInt8],
        key: String?,
        operation: String,
        timeout: Duration,
        retry: RetryRule = .never
    ) async throws(CallError) -> ClientResponse {
        var request = try request(method: method, path: path, body: body, key: key, timeout: timeout)
        request.retry = retry
        let started = Deadline.monotonicNow()
        do {
            let response = try await http.send(request)
            record(operation, started, Self.problem(in: response)?.code.rawValue ?? "ok")
            return response
        } catch {
            record(operation, started, error.code.rawValue)
            throw .unreachable(error)
        }
    }

    private func request(
        method: OperationMethod,
        path: String,
        body: [UInt8],
        key: String?,
        timeout: Duration
    ) throws(CallError) -> ClientRequest {
        let left = min(timeout, CallDeadline.current?.remaining ?? timeout)
        guard left > .milliseconds(1), let httpMethod = HTTPMethod(rawValue: method.rawValue) else {
            throw .unreachable(HTTPClientError(.deadlineExceeded, mayHaveBeenSent: false, "no time left for the call"))
        }
        var fields: HTTPFields = [WireField.timeout: String(left.wholeMilliseconds)]
        if let token { fields["Authorization"] = "Bearer \(token.text)" }
        if let key { fields[WireField.idempotencyKey] = key }
        if let trace = TraceContext.current { fields["traceparent"] = trace.child().traceparent }
        if !body.isEmpty { fields["Content-Type"] = "application/json" }
        var request = ClientRequest(
            method: httpMethod,
            url: baseURL + path,
            fields: fields,
            body: body.isEmpty ? .none : .bytes(body),
            timeout: left,
            peer: service.rawValue,
            circuit: Circuit(baseURL, policy: Self.circuit)
        )
        request.usesProxy = false
        return request
    }

    /// Short pauses, since a callee that was restarted must be found again at once.
    private static let circuit: CircuitBreaker.Policy = {
        var policy = CircuitBreaker.Policy()
        policy.failuresToOpen = 16
        policy.firstPause = .milliseconds(250)
        policy.longestPause = .seconds(2)
        policy.countsInternalErrors = false
        return policy
    }()

    private func record(_ operation: String, _ started: UInt64, _ outcome: String) {
        calls.increment(service.rawValue, operation, outcome)
        seconds.observe(Double(Deadline.monotonicNow() - started) * 1e-9, service.rawValue, operation)
    }

    /// The problem that an answer says, nil for success. An error answer without problem+json (a proxy's, say) counts
    /// as unknown, and as retryable by its status.
    private static func problem(in response: ClientResponse) -> Problem? {
        guard !(200..<300).contains(response.status) else { return nil }
        if var problem = try? ContractJSON.decode(Problem.self, from: response.body) {
            problem.status = response.status
            return problem
        }
        var problem = Problem(.unknown, "an answer without problem+json")
        problem.status = response.status
        return problem
    }
}

extension InternalClient {
    /// Calls an operation without path and query values.
    package func call<O: Operation>(
        _ operation: O.Type,
        _ input: O.Input,
        key: String? = nil,
        timeout: Duration? = nil
    ) async throws(CallError) -> O.Output where O.Parameters == NoParameters {
        try await call(operation, input, parameters: NoParameters(), key: key, timeout: timeout)
    }

    /// Calls an operation without input.
    package func call<O: Operation>(
        _ operation: O.Type,
        parameters: O.Parameters,
        key: String? = nil,
        timeout: Duration? = nil
    ) async throws(CallError) -> O.Output where O.Input == Empty {
        try await call(operation, Empty(), parameters: parameters, key: key, timeout: timeout)
    }

    /// Calls an operation without input, path and query values.
    package func call<O: Operation>(
        _ operation: O.Type,
        key: String? = nil,
        timeout: Duration? = nil
    ) async throws(CallError) -> O.Output where O.Input == Empty, O.Parameters == NoParameters {
        try await call(operation, Empty(), parameters: NoParameters(), key: key, timeout: timeout)
    }
}
