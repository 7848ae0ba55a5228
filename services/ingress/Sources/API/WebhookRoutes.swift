internal import Concurrency
internal import Configuration
internal import Contracts
internal import Cryptography
internal import HTTP
internal import HTTPServer
internal import Telemetry
internal import Time

/// The public door: three webhooks. 200 means that the event is on disk, exactly once.
///
/// A class, so that an answer that waits for its commit keeps one reference instead of a copy.
final class WebhookRoutes: Sendable {
    /// Telegram and YooKassa never post more.
    static let maximumBytes = 1 << 20
    /// KIE echoes prompts of up to 30,000 characters, escaped twice.
    static let keptCallbackBytes = 4 << 20
    /// A callback is refused only beyond this: what is longer than 4 MiB is cut and answered 200, or it would come for ever.
    static let maximumCallbackBytes = 64 << 20
    /// A second is Telegram's first pause anyway; it comes back by itself.
    static let retryAfterSeconds = "1"

    let configuration: IngressConfiguration
    let commit: CommitEvents
    let notices: Notices
    let clock: WallClock
    let metrics: IngressMetrics

    init(
        configuration: IngressConfiguration,
        commit: CommitEvents,
        notices: Notices,
        clock: WallClock,
        metrics: IngressMetrics
    ) {
        self.configuration = configuration
        self.commit = commit
        self.notices = notices
        self.clock = clock
        self.metrics = metrics
    }

    func register(on router: inout Router) {
        router.onDeferred(.post, "/webhooks/telegram/{bot}", maximumBodyBytes: Self.maximumBytes) { [self] in
            telegram($0, $1)
        }
        router.on(
            .post,
            "/webhooks/kie/{token}",
            maximumBodyBytes: Self.maximumCallbackBytes,
            keptBodyBytes: Self.keptCallbackBytes + 1
        ) { [self] in try await kie($0) }
        router.on(.post, "/webhooks/yookassa", maximumBodyBytes: Self.maximumBytes) { [self] in try await yookassa($0) }
    }

    private func telegram(_ request: HTTPRequest, _ reply: Reply) {
        let bot = request.parameters["bot"] ?? ""
        let secret = request.fields["X-Telegram-Bot-Api-Secret-Token"] ?? ""
        // Every secret is compared, so that time tells nothing about which one nearly fits.
        let isAuthentic = (configuration.bots[bot] ?? []).reduce(false) { found, known in
            constantTimeEquals(known.text, secret) || found
        }
        guard isAuthentic else { return reply.send(refuse(.telegram)) }
        let trace = TraceContext.start()
        let (arrival, outline) = Reading.telegram(
            bot: bot,
            body: request.body,
            at: clock.now,
            trace: trace.traceparent
        )
        commit.store(arrival) { [self] result in
            let response = response(to: arrival, result)
            guard response.status == 200, let outline, notices.mayBeDue(for: outline) else {
                return reply.send(response)
            }
            // In a task of its own, since it asks the database; conversation is away then, and webhooks are few.
            Task {
                let notice = await TraceContext.$current.withValue(trace) { await notices.body(for: outline, bot: bot) }
                reply.send(notice.map { .json(200, $0) } ?? response)
            }
        }
    }

    private func kie(_ request: HTTPRequest) async throws -> HTTPResponse {
        let response = await callback(request)
        if response.status != 200 { metrics.callbackErrors.increment(String(response.status)) }
        return response
    }

    private func callback(_ request: HTTPRequest) async -> HTTPResponse {
        guard let token = CallbackToken(request.parameters["token"] ?? ""),
            configuration.callbackKey.isValid(
                token.signature,
                for: CallbackToken.signedMessage(for: token.attempt)
            )
        else { return refuse(.kie) }
        let keys = configuration.callbackHMACKeys
        let signature = CallbackSignature(
            timestamp: request.fields[CallbackSignature.timestampField],
            signature: request.fields[CallbackSignature.signatureField]
        )
        let arrival = Reading.kie(
            token: token,
            body: request.body,
            maximumBytes: Self.keptCallbackBytes,
            isSigned: keys.isEmpty ? nil : { signature?.isValid(for: $0, keys: keys) ?? false },
            at: clock.now,
            trace: Self.trace
        )
        guard let arrival else { return refuse(.kie) }
        return await store(arrival)
    }

    private func yookassa(_ request: HTTPRequest) async throws -> HTTPResponse {
        let source = SourceAddress.of(
            peer: request.remoteAddress,
            forwardedFor: request.fields.values("X-Forwarded-For"),
            trusted: configuration.trustedProxies
        )
        guard configuration.yookassaSources.contains(where: { $0.contains(source) }) else { return refuse(.yookassa) }
        return await store(Reading.yookassa(body: request.body, at: clock.now, trace: Self.trace))
    }

    private func store(_ arrival: Arrival) async -> HTTPResponse {
        response(to: arrival, await commit.store(arrival))
    }

    private func response(to arrival: Arrival, _ result: Result<Bool, CommitEvents.Refusal>) -> HTTPResponse {
        switch result {
        case .success(let isNew):
            count(arrival, isNew: isNew)
            // An empty body: Telegram would execute a `method` in it.
            return HTTPResponse(status: 200)
        case .failure(let refusal):
            metrics.received.increment(arrival.source.rawValue, refusal == .full ? "shed" : "unavailable")
            return comeAgain
        }
    }

    private func count(_ arrival: Arrival, isNew: Bool) {
        switch (arrival.source, isNew, arrival.isMalformed) {
        case (.telegram, true, false): metrics.storedUpdates.add()
        case (.telegram, false, _): metrics.duplicateUpdates.add()
        case (_, false, _): metrics.received.increment(arrival.source.rawValue, "duplicate")
        case (_, true, false): metrics.received.increment(arrival.source.rawValue, "stored")
        case (_, true, true):
            metrics.received.increment(arrival.source.rawValue, arrival.kind == "truncated" ? "truncated" : "malformed")
        }
    }

    private var comeAgain: HTTPResponse {
        HTTPResponse(status: 503, fields: ["Retry-After": Self.retryAfterSeconds])
    }

    private func refuse(_ source: EventSource) -> HTTPResponse {
        metrics.received.increment(source.rawValue, "refused")
        return HTTPResponse(status: 401)
    }

    private static var trace: String? { TraceContext.current?.traceparent }
}
