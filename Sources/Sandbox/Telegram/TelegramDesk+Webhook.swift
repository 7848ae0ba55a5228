internal import Concurrency
internal import Contracts
internal import HTTP
internal import HTTPClient
internal import Time

/// Webhooks: their settings and the delivery of updates.
extension TelegramDesk {
    /// Telegram waits this long for the bot's answer.
    static let answerTimeout: Duration = .seconds(60)

    func setWebhook(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let url = parameters.text("url") ?? ""
        if url.isEmpty { return deleteWebhook(parameters) }
        try Self.checkAddress(url)
        let secret = parameters.text("secret_token") ?? ""
        let isSecret = secret.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
        guard secret.count <= 256, isSecret else {
            throw .bad("secret token contains unallowed characters")
        }
        let connections = parameters.integer("max_connections") ?? 40
        let allowed = try structure("allowed_updates", parameters)?.array?.compactMap(\.string)
        let now = tools.milliseconds
        try mutating { state throws(TelegramError) in
            guard now >= state.lastSetWebhook + 1_000 || !self.tools.currentSettings.telegramLimits else {
                throw .tooMany(1)
            }
            state.lastSetWebhook = now
            if parameters.flag("drop_pending_updates") { Self.dropUpdates(&state) }
            state.webhook = TelegramWebhook(
                url: url,
                secret: secret,
                maximumConnections: Int(min(100, max(1, connections))),
                allowed: allowed ?? state.webhook.allowed
            )
            state.queue.startOver()
            state.touch(.webhook)
        }
        return true
    }

    /// As Telegram's own check, but plain HTTP is allowed on this machine, where no certificate can be had.
    private static func checkAddress(_ url: String) throws(TelegramError) {
        let isLocal = ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { url.hasPrefix($0) }
        guard isLocal || url.hasPrefix("https://") else {
            throw .bad("bad webhook: An HTTPS URL must be provided for webhook")
        }
        guard !isLocal else { return }
        let authority = url.dropFirst(8).prefix { $0 != "/" && $0 != "?" }
        let port = authority.split(separator: ":").dropFirst().last.flatMap { Int($0) } ?? 443
        guard [80, 88, 443, 8443].contains(port) else {
            throw .bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        }
    }

    func deleteWebhook(_ parameters: Parameters) -> JSONValue {
        mutate { state in
            if parameters.flag("drop_pending_updates") { Self.dropUpdates(&state) }
            state.webhook = TelegramWebhook(allowed: state.webhook.allowed)
            state.touch(.webhook)
        }
        return true
    }

    private static func dropUpdates(_ state: inout TelegramState) {
        for id in state.queue.drop() { state.touch(.updateDone(id)) }
    }

    func webhookInfo() -> JSONValue {
        read { state in
            let webhook = state.webhook
            return .members([
                "url": .string(webhook.url), "has_custom_certificate": false,
                "pending_update_count": state.queue.count.json, "max_connections": webhook.maximumConnections.json,
                "ip_address": webhook.url.isEmpty ? nil : "127.0.0.1",
                "last_error_date": webhook.lastErrorAt?.json, "last_error_message": webhook.lastError?.json,
                "allowed_updates": webhook.allowed.flatMap { $0.isEmpty ? nil : .array($0.map { .string($0) }) },
            ])
        }
    }

    func getUpdates(_ parameters: Parameters) async throws(TelegramError) -> JSONValue {
        let hasWebhook = read { !$0.webhook.url.isEmpty }
        guard !hasWebhook else { throw .conflict }
        let offset = parameters.integer("offset") ?? 0
        let limit = Int(min(100, max(1, parameters.integer("limit") ?? 100)))
        let end = tools.milliseconds + min(50, max(0, parameters.integer("timeout") ?? 0)) * 1_000
        mutate { state in
            for id in state.queue.items.keys where id < offset {
                if state.queue.answered(id, .accepted, at: 0, random: 0) { state.touch(.updateDone(id)) }
            }
        }
        var seen: Int64 = 0
        while true {
            let bodies = read { state in
                state.queue.items.values.sorted { $0.id < $1.id }.filter { $0.id >= offset }.prefix(limit).map(\.body)
            }
            let left = end - tools.milliseconds
            if !bodies.isEmpty || left <= 0 || Task.isCancelled || tools.feed.isStopped {
                // Our own bodies always parse.
                return .array(bodies.compactMap { try? JSONText.parse($0) })
            }
            seen = await tools.feed.wait(after: seen, atMost: .milliseconds(left))
        }
    }

    // MARK: Delivery

    /// Sends every update that may be sent now, and plans the next look.
    func pump() {
        let now = tools.milliseconds
        let (items, wake) = pumpStep(at: now)
        for item in items { tools.errands.start { [self] in await deliver(item) } }
        guard let wake else { return }
        let isEarlier = plannedWake.withLock { planned in
            guard wake < planned || planned <= now else { return false }
            planned = wake
            return true
        }
        guard isEarlier, wake > now else { return }
        tools.errands.start { [self] in
            guard await tools.pause(Double(wake - now) / 1_000 + 0.005) else { return }
            plannedWake.withLock { if $0 == wake { $0 = .max } }
            pump()
        }
    }

    /// One delivery with its report.
    private func deliver(_ item: UpdateQueue.Item) async {
        if let fault = tools.faults.take(.webhookLate, subject: item.body) {
            guard await tools.pause(fault.delay ?? 5) else { return }
        }
        let (outcome, answer) = await post(item)
        if outcome == .accepted, tools.faults.take(.webhookDouble, subject: item.body) != nil { _ = await post(item) }
        let isLost = outcome == .accepted && tools.faults.take(.webhookLostAnswer, subject: item.body) != nil
        report(item.id, isLost ? .refused(retryAfter: nil) : outcome, note: Self.note(outcome, answer))
        if outcome == .accepted, let answer { await executeReply(answer) }
    }

    private func post(_ item: UpdateQueue.Item) async -> (UpdateQueue.Outcome, ClientResponse?) {
        let webhook = read { $0.webhook }
        guard !webhook.url.isEmpty else { return (.refused(retryAfter: nil), nil) }
        let answer = await tools.send(
            Self.request(webhook, body: Array(item.body.utf8)),
            provider: "telegram",
            operation: "webhook",
            note: "update \(item.id) \(item.kind)"
        )
        guard let answer else { return (.unreachable, nil) }
        if (200..<300).contains(answer.status) { return (.accepted, answer) }
        return (.refused(retryAfter: answer.fields["Retry-After"].flatMap { Int($0) }), answer)
    }

    /// The request that carries an update.
    static func request(_ webhook: TelegramWebhook, body: [UInt8]) -> ClientRequest {
        var request = ClientRequest(
            method: .post,
            url: webhook.url,
            fields: ["Content-Type": "application/json", "Accept-Encoding": "gzip, deflate"],
            body: .bytes(body),
            timeout: answerTimeout
        )
        if !webhook.secret.isEmpty { request.fields["X-Telegram-Bot-Api-Secret-Token"] = webhook.secret }
        return request
    }

    private static func note(_ outcome: UpdateQueue.Outcome, _ answer: ClientResponse?) -> String? {
        switch outcome {
        case .accepted: nil
        case .refused: "Wrong response from the webhook: \(answer?.status ?? 0)"
        case .unreachable: "Connection refused"
        }
    }

    /// Executes the method that a webhook's answer may name; its result is lost, as at Telegram's.
    private func executeReply(_ answer: ClientResponse) async {
        guard !answer.body.isEmpty,
            // An answer that is no form and no JSON is not meant for Telegram.
            let parameters = try? Parameters(
                query: "",
                contentType: answer.fields["Content-Type"] ?? "",
                body: answer.body
            ),
            let method = parameters.text("method"), !Self.isForbiddenInWebhook(method)
        else { return }
        // The error is lost, as at Telegram's; the call log has it.
        let result = try? await perform(method, parameters)
        tools.calls.append(
            CallLog.Entry(
                at: tools.clock.now,
                provider: "telegram",
                direction: "in",
                operation: "\(method) (webhook answer)",
                status: result == nil ? 400 : 200,
                milliseconds: 0,
                note: ""
            )
        )
    }
}

extension TelegramDesk {
    /// What to send now and when to look again.
    private func pumpStep(at now: Int64) -> (send: [UpdateQueue.Item], wake: Int64?) {
        quietly { state in
            guard !state.webhook.url.isEmpty else { return ([], nil) }
            let (send, expired) = state.queue.next(at: now, connections: state.webhook.maximumConnections)
            for id in expired { state.touch(.updateDone(id)) }
            return (send, state.queue.nextTime(at: now))
        }
    }

    private func report(_ id: Int64, _ outcome: UpdateQueue.Outcome, note: String?) {
        let now = tools.milliseconds
        quietly { state in
            if let note {
                state.webhook.lastError = note
                state.webhook.lastErrorAt = now / 1_000
                state.touch(.webhook)
            }
            let isDone = state.queue.answered(id, outcome, at: now, random: .random(in: 0..<1))
            state.touch(isDone ? .updateDone(id) : .update(id))
        }
        pump()
    }
}
