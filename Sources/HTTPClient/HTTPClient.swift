internal import Concurrency
package import EventLoop
internal import Glibc
internal import HTTP
package import Telemetry
internal import Time

/// An HTTP client on libcurl whose transfers run on one event loop.
///
/// Connections are kept and reused, HTTP/2 is used where TLS offers it. Every call has a deadline and a size limit;
/// cancelling the calling task ends the transfer. Only a request that is marked so (`ClientRequest.retry`) is sent again by
/// itself; for all others `HTTPClientError.mayHaveBeenSent` tells the caller what it needs to decide. Calls to public addresses only have a connection
/// pool of their own, so that they can't inherit a connection into the private network.
///
/// May be used from any thread.
package final class HTTPClient: Sendable {
    private let loop: EventLoop
    private let configuration: HTTPClientConfiguration
    private let metrics: HTTPClientMetrics
    private let log: Log
    private let anyAddress: CurlMulti
    private let publicOnly: CurlMulti
    private let state = Locked(State())

    private struct State {
        var inFlight = 0
        var breakers: [String: CircuitBreaker] = [:]
    }

    /// Circuit breakers kept at most; a name beyond is called without one.
    private static let maximumBreakers = 256

    /// - Parameter loop: Must outlive the client.
    package init(
        loop: EventLoop,
        configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
        metrics: Metrics,
        log: Log
    ) {
        self.loop = loop
        self.configuration = configuration
        self.metrics = HTTPClientMetrics(metrics)
        self.log = log
        self.anyAddress = CurlMulti(loop: loop, configuration: configuration, metrics: self.metrics)
        self.publicOnly = CurlMulti(loop: loop, configuration: configuration, metrics: self.metrics)
    }

    deinit {
        loop.execute { [anyAddress, publicOnly] in
            anyAddress.close()
            publicOnly.close()
        }
    }

    /// Sends a request and waits for the whole answer, of whatever status.
    ///
    /// - Throws: `HTTPClientError` if there is no complete answer; a status of 4xx or 5xx is an answer.
    package func send(_ request: ClientRequest) async throws(HTTPClientError) -> ClientResponse {
        let destination = ResponseSink.Destination.memory(maximumBytes: request.maximumResponseBytes)
        return try await perform(request, to: destination).response
    }

    /// Fetches a URL into a file, which appears under its name only when it is complete.
    ///
    /// The bytes go to a neighbour of `path` first, which is renamed at the end and removed on every error. An answer
    /// whose status is not 2xx makes no file.
    ///
    /// - Parameters:
    ///   - path: An existing file there is replaced.
    ///   - maximumBytes: A longer body ends the call with `.responseTooLarge`.
    ///   - durably: Whether the file must survive a power cut once this returns.
    package func download(
        _ request: ClientRequest,
        to path: String,
        maximumBytes: Int64,
        durably: Bool = false
    ) async throws(HTTPClientError) -> DownloadedFile {
        let partial = "\(path).\(UInt64.random(in: .min ... .max)).part"
        do throws(HTTPClientError) {
            let answer = try await perform(request, to: .file(path: partial, maximumBytes: maximumBytes))
            if answer.sha256 != nil { try await keep(partial, as: path, durably: durably) }
            return DownloadedFile(
                status: answer.response.status,
                fields: answer.response.fields,
                bytes: answer.fileBytes,
                sha256: answer.sha256,
                errorBody: answer.response.body
            )
        } catch {
            unsafe unlink(partial)
            throw error
        }
    }

    /// Ends calls in flight with `.cancelled` and closes all connections; later calls fail with `.cancelled`.
    package func shutdown() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            loop.execute { [anyAddress, publicOnly] in
                anyAddress.close()
                publicOnly.close()
                continuation.resume()
            }
        }
    }

    // MARK: - One call

    private func perform(
        _ request: ClientRequest,
        to destination: ResponseSink.Destination
    ) async throws(HTTPClientError) -> CurlTransfer.RawAnswer {
        guard request.retry.maximumAttempts > 1 else { return try await attempt(request, to: destination).get() }
        let deadline = Deadline.after(request.timeout)
        var request = request
        var number = 1
        while true {
            let outcome = await attempt(request, to: destination)
            let pause = request.retry.pause(
                after: outcome.forRetry,
                attempt: number,
                left: deadline.remaining,
                random: .random(in: 0..<1)
            )
            guard let pause else { return try outcome.get() }
            if case .file(let path, _) = destination { unsafe unlink(path) }
            metrics.repeated(peer: request.peer)
            // A cancelled call makes no further attempt.
            do { try await loop.sleep(for: pause) } catch { return try outcome.get() }
            number += 1
            request.timeout = deadline.remaining
        }
    }

    /// Sends the request once.
    private func attempt(
        _ request: ClientRequest,
        to destination: ResponseSink.Destination
    ) async -> Result<CurlTransfer.RawAnswer, HTTPClientError> {
        do throws(HTTPClientError) { try enter(request) } catch { return .failure(error) }
        let started = Deadline.monotonicNow()
        let outcome = await followingRedirects(request, to: destination)
        leave(request, outcome, after: Double(Deadline.monotonicNow() - started) * 1e-9)
        return outcome
    }

    private func followingRedirects(
        _ first: ClientRequest,
        to destination: ResponseSink.Destination
    ) async -> Result<CurlTransfer.RawAnswer, HTTPClientError> {
        let deadline = Deadline.after(first.timeout)
        var request = first
        var left = first.followRedirects
        while true {
            let outcome = await transfer(request, to: destination)
            guard case .success(let answer) = outcome, first.followRedirects > 0, let target = answer.redirect,
                request.method == .get || request.method == .head
            else { return outcome }
            guard left > 0 else { return .failure(HTTPClientError(.tooManyRedirects, mayHaveBeenSent: true)) }
            left -= 1
            do throws(HTTPClientError) {
                request = try RedirectRule.follow(request, to: target)
            } catch {
                return .failure(error)
            }
            request.timeout = deadline.remaining
        }
    }

    private func transfer(
        _ request: ClientRequest,
        to destination: ResponseSink.Destination
    ) async -> Result<CurlTransfer.RawAnswer, HTTPClientError> {
        let multi = request.addresses == .any ? anyAddress : publicOnly
        let transfer = CurlTransfer(
            request,
            to: destination,
            usesProxy: configuration.proxy != nil,
            maximumHeaderBytes: configuration.maximumHeaderBytes,
            metrics: metrics
        )
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let start: @Sendable () -> Void = {
                    transfer.onEnd = { continuation.resume(returning: $0) }
                    multi.start(transfer)
                }
                if loop.isCurrent { start() } else { loop.execute(start) }
            }
        } onCancel: {
            loop.execute { multi.cancel(transfer) }
        }
    }

    private func keep(_ partial: String, as path: String, durably: Bool) async throws(HTTPClientError) {
        do {
            let kept =
                durably
                ? try await BlockingExecutor.shared.run { FileKeeper.keep(partial, as: path, syncing: true) }
                : FileKeeper.keep(partial, as: path, syncing: false)
            if !kept { throw HTTPClientError(.fileFailed, mayHaveBeenSent: true, "cannot keep the file") }
        } catch {
            throw error as? HTTPClientError
                ?? HTTPClientError(.fileFailed, mayHaveBeenSent: true, "cannot keep the file")
        }
    }

    // MARK: - Limits, breakers, metrics

    private func enter(_ request: ClientRequest) throws(HTTPClientError) {
        let refusal: HTTPClientError? = state.withLock { state in
            guard state.inFlight < configuration.maximumRequestsInFlight else {
                return HTTPClientError(.overloaded, mayHaveBeenSent: false)
            }
            if let circuit = request.circuit,
                state.breakers[circuit.name] != nil || state.breakers.count < Self.maximumBreakers,
                case .refuse = state.breakers[
                    circuit.name,
                    default: CircuitBreaker(circuit.policy ?? configuration.circuit)
                ].admit(now: .now)
            {
                return HTTPClientError(.circuitOpen, mayHaveBeenSent: false)
            }
            state.inFlight += 1
            return nil
        }
        metrics.began()
        if let refusal {
            metrics.ended(peer: request.peer, outcome: refusal.code.rawValue, after: 0)
            throw refusal
        }
    }

    private func leave(
        _ request: ClientRequest,
        _ outcome: Result<CurlTransfer.RawAnswer, HTTPClientError>,
        after seconds: Double
    ) {
        let label: String
        switch outcome {
        case .success(let answer):
            label = Self.statusClass(answer.response.status)
        case .failure(let error):
            label = error.code.rawValue
            log.debug("an outgoing call failed", [.peer: .string(request.peer), .reason: .string(label)])
        }
        metrics.ended(peer: request.peer, outcome: label, after: seconds)
        state.withLock { state in
            state.inFlight -= 1
            guard let name = request.circuit?.name, let breaker = state.breakers[name] else { return }
            switch outcome {
            case .success(let answer) where breaker.isFailure(status: answer.response.status):
                state.breakers[name]?.failed(now: .now)
            case .success:
                state.breakers[name]?.succeeded()
            case .failure(let error) where error.code.saysPeerIsSick:
                state.breakers[name]?.failed(now: .now)
            case .failure:
                break
            }
        }
    }

    private static func statusClass(_ status: Int) -> String {
        switch status {
        case 200..<300: "2xx"
        case 300..<400: "3xx"
        case 400..<500: "4xx"
        default: "5xx"
        }
    }
}

extension Result<CurlTransfer.RawAnswer, HTTPClientError> {
    fileprivate var forRetry: RetryRule.Outcome {
        switch self {
        case .success(let answer):
            .answered(
                status: answer.response.status,
                retryAfterSeconds: answer.response.fields["Retry-After"].flatMap { Int($0) }
            )
        case .failure(let error): .failed(error.code)
        }
    }
}

extension HTTPClientError.Code {
    /// Whether the error tells something about the peer's health, rather than about this call.
    fileprivate var saysPeerIsSick: Bool {
        switch self {
        case .cannotResolve, .cannotConnect, .deadlineExceeded, .connectionLost, .tlsFailed, .malformedResponse: true
        default: false
        }
    }
}

extension Deadline {
    fileprivate static var now: Deadline { Deadline(nanoseconds: monotonicNow()) }
}
