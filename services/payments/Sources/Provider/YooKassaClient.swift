internal import Concurrency
internal import Configuration
internal import Contracts
internal import Cryptography
package import EventLoop
internal import HTTP
package import HTTPClient
package import Telemetry
package import Time

/// Calls YooKassa's API: paced, with deadlines, and every outcome turned into a `ProviderAnswer`.
///
/// Repeats nothing by itself; who owns the order decides that.
package final class YooKassaClient: Sendable {
    /// The name of a call in metrics.
    package enum Call: String, Sendable {
        case create, read, list
    }

    /// YooKassa answers within 30 s or with 500; a shorter wait would only produce more unknown outcomes.
    package static let patientTimeout = Duration.seconds(35)
    /// After a rejection of the credentials nothing is created for this long.
    private static let restAfterRejection = Duration.seconds(60)

    private let shop: PaymentsConfiguration.Shop
    private let authorization: String
    private let http: HTTPClient
    private let loop: EventLoop
    private let metrics: PaymentsMetrics
    private let log: Log
    private let pace: Locked<RequestPace>
    /// Until when the credentials count as rejected.
    private let rejectedUntil = Locked<Deadline?>(nil)

    package init(
        shop: PaymentsConfiguration.Shop,
        http: HTTPClient,
        loop: EventLoop,
        metrics: PaymentsMetrics,
        log: Log
    ) {
        self.shop = shop
        self.authorization = "Basic " + Base64.encode(Array("\(shop.shopID):\(shop.secretKey.text)".utf8))
        self.http = http
        self.loop = loop
        self.metrics = metrics
        self.log = log
        self.pace = Locked(RequestPace(perSecond: shop.requestsPerSecond, burst: shop.requestsPerSecond))
    }

    /// Whether YooKassa has lately refused our shop id or key.
    package var areCredentialsRejected: Bool {
        rejectedUntil.withLock { $0.map { !$0.isExpired } ?? false }
    }

    /// Creates a payment, or gets the one that the same key has created before.
    package func create(
        key: String,
        body: [UInt8],
        timeout: Duration,
        _ urgency: RequestPace.Urgency
    ) async -> ProviderAnswer {
        var request = ClientRequest(method: .post, url: shop.apiURL + "/payments", body: .bytes(body))
        request.fields["Content-Type"] = "application/json"
        request.fields["Idempotence-Key"] = key
        return await send(request, .create, timeout: timeout, urgency)
    }

    /// Reads a payment.
    ///
    /// - Parameter id: Letters, digits and dashes; it goes into the path.
    package func read(_ id: String, timeout: Duration, _ urgency: RequestPace.Urgency) async -> ProviderAnswer {
        await send(
            ClientRequest(url: shop.apiURL + "/payments/" + percentEncode(id)),
            .read,
            timeout: timeout,
            urgency
        )
    }

    /// One page of the payments that succeeded, newest first.
    package func list(capturedSince: Timestamp, cursor: String?) async -> ProviderAnswer {
        var query = "status=succeeded&limit=100&captured_at.gte=" + percentEncode(capturedSince.description)
        if let cursor { query += "&cursor=" + percentEncode(cursor) }
        return await send(
            ClientRequest(url: shop.apiURL + "/payments?" + query),
            .list,
            timeout: Self.patientTimeout,
            .background
        )
    }

    private func send(
        _ request: ClientRequest,
        _ call: Call,
        timeout: Duration,
        _ urgency: RequestPace.Urgency
    ) async -> ProviderAnswer {
        let deadline = Deadline.after(timeout)
        guard await waitForSlot(urgency, until: deadline) else {
            metrics.calls.increment(call.rawValue, "no_slot")
            return .limited(retryAfter: nil)
        }
        var request = request
        request.fields["Authorization"] = authorization
        request.timeout = max(deadline.remaining, .milliseconds(50))
        request.peer = "yookassa"
        request.maximumResponseBytes = 4 << 20
        let started = Deadline.monotonicNow()
        let answer: ProviderAnswer
        do throws(HTTPClientError) {
            let response = try await http.send(request)
            // A body that is not JSON is an answer by its status alone.
            let body = try? ContractJSON.decode(JSONValue.self, from: response.body)
            answer = ProviderAnswer(status: response.status, body: body)
        } catch {
            answer = .unknown(reason: error.code.rawValue, retryAfter: nil)
        }
        metrics.callSeconds.observe(Double(Deadline.monotonicNow() - started) * 1e-9, call.rawValue)
        metrics.calls.increment(call.rawValue, answer.label)
        note(answer, call)
        return answer
    }

    private func waitForSlot(_ urgency: RequestPace.Urgency, until deadline: Deadline) async -> Bool {
        let now = Deadline.monotonicNow()
        let patience = deadline.nanoseconds > now ? deadline.nanoseconds - now : 0
        guard let wait = pace.withLock({ $0.take(urgency, now: now, patience: patience) }) else { return false }
        guard wait > 0 else { return true }
        do { try await loop.sleep(for: .nanoseconds(Int64(wait))) } catch { return false }  // Cancelled.
        return true
    }

    private func note(_ answer: ProviderAnswer, _ call: Call) {
        switch answer {
        case .object, .notFound:
            rejectedUntil.withLock { $0 = nil }
        case .credentialsRejected(let error):
            rejectedUntil.withLock { $0 = .after(Self.restAfterRejection) }
            log.error("yookassa rejects our credentials", error.fields(call))
        case .refused(let error):
            log.error("yookassa refuses a request", error.fields(call))
        case .limited, .unknown:
            break
        }
    }
}

extension ProviderAnswer {
    /// For metrics.
    var label: String {
        switch self {
        case .object: "ok"
        case .notFound: "not_found"
        case .refused: "refused"
        case .credentialsRejected: "credentials"
        case .limited: "limited"
        case .unknown: "unknown"
        }
    }
}

extension ProviderError {
    func fields(_ call: YooKassaClient.Call) -> [LogKey: LogValue] {
        var fields: [LogKey: LogValue] = [.operation: .string(call.rawValue), .status: .int(status)]
        if let id { fields[.providerError] = .string(id) }
        if let code { fields[.providerCode] = .string(code) }
        if let parameter { fields[.providerParameter] = .string(parameter) }
        return fields
    }
}
