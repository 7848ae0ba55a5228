internal import Concurrency
internal import Configuration
internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import Telemetry

/// Makes Telegram know us: checks the token, registers the webhook and the command menu. Repeats until done, and once
/// an hour after that, so that somebody else's change heals.
package struct WebhookWorker: Worker {
    package let name = "delivery.webhook"
    private let telegram: TelegramClient
    private let webhook: DeliveryConfiguration.Webhook?
    private let readiness: ReadinessChecks
    private let loop: EventLoop
    private let log: Log

    private static let check = "telegram"
    private static let backoff = Backoff(first: .milliseconds(500), cap: .seconds(30))

    /// The kinds of updates that ingress is to get. Left out, Telegram would keep an earlier list.
    static let allowedUpdates = [
        "message", "edited_message", "callback_query", "inline_query", "pre_checkout_query", "my_chat_member",
        "subscription", "purchased_paid_media", "stopped_message_generation",
    ]

    init(
        _ telegram: TelegramClient,
        webhook: DeliveryConfiguration.Webhook?,
        readiness: ReadinessChecks,
        loop: EventLoop,
        log: Log
    ) {
        self.telegram = telegram
        self.webhook = webhook
        self.readiness = readiness
        self.loop = loop
        self.log = log
    }

    package func run() async throws {
        // Later trouble with Telegram does not make the service unready: it still takes messages and keeps them.
        readiness.set(Self.check, missing: "not set up yet")
        var isFirst = true
        while !Task.isCancelled {
            try await setUp(isFirst: isFirst)
            isFirst = false
            readiness.set(Self.check, missing: nil)
            try await loop.sleep(for: .seconds(3_600))
        }
    }

    private func setUp(isFirst: Bool) async throws {
        for call in calls {
            var attempt = 0
            while let trouble = Self.trouble(await telegram.call(call, timeout: .seconds(10), isGuarded: false)) {
                attempt += 1
                if isFirst { readiness.set(Self.check, missing: "\(call.method): \(trouble)") }
                if attempt % 8 == 1 {
                    log.warning(
                        "Telegram is not set up",
                        [.operation: .string(call.method), .reason: .string(trouble)]
                    )
                }
                try await loop.sleep(for: Self.backoff.delay(attempt: attempt))
            }
        }
    }

    private var calls: [TelegramCall] {
        var calls = [TelegramCall("getMe")]
        if let webhook {
            calls.append(
                TelegramCall(
                    "setWebhook",
                    [
                        "url": .string(webhook.url), "secret_token": .string(webhook.secret.text),
                        "max_connections": 100, "drop_pending_updates": false,
                        "allowed_updates": .array(Self.allowedUpdates.map { .string($0) }),
                    ]
                )
            )
        }
        return calls + BotCommands.menus.map { TelegramCall("setMyCommands", $0.parameters) }
    }

    /// What is wrong, in words for `/readyz`; nil if the call was taken.
    private static func trouble(_ answer: TelegramAnswer) -> String? {
        switch answer {
        case .accepted, .notModified: nil
        case .notSent(let reason), .uncertain(let reason), .rejected(let reason), .unreachable(let reason): reason
        default: answer.label
        }
    }
}
