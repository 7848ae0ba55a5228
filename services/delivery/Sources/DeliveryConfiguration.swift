internal import Configuration

/// The keys of delivery beyond the standard ones.
enum DeliveryKey {
    static let token = ConfigurationKey.secret(
        "ATELIER_TELEGRAM_BOT_TOKEN",
        help: "the bot's token from BotFather; only delivery has it"
    )
    static let apiURL = ConfigurationKey.url(
        "ATELIER_TELEGRAM_API_URL",
        default: "https://api.telegram.org",
        help: "the Bot API; a local server or the sandbox"
    )
    static let publicURL = ConfigurationKey.url(
        "ATELIER_PUBLIC_URL",
        optional: true,
        help: "where ingress is reachable from outside; without it no webhook is registered"
    )
    static let webhookSecret = ConfigurationKey.secret(
        "ATELIER_TELEGRAM_WEBHOOK_SECRET",
        optional: true,
        help: "what Telegram must present to ingress: 1 to 256 of A-Za-z0-9_-"
    )
    static let botName = ConfigurationKey.string(
        "ATELIER_TELEGRAM_BOT",
        default: "main",
        help: "the bot's name in ingress' webhook path"
    )
    static let messagesPerSecond = ConfigurationKey.int(
        "ATELIER_TELEGRAM_MESSAGES_PER_SECOND",
        default: 27,
        range: 1...1_000,
        help: "messages and edits over all chats; Telegram allows about 30"
    )
    static let lanes = ConfigurationKey.int(
        "ATELIER_DELIVERY_LANES",
        default: 64,
        range: 1...1_000,
        help: "chats that one instance sends to at the same time"
    )

    static let all: [any ConfigurationKeyDescription] = [
        token, apiURL, publicURL, webhookSecret, botName, messagesPerSecond, lanes,
    ]
}

/// Delivery's settings, read and checked as a whole.
struct DeliveryConfiguration: Sendable {
    let token: Secret
    /// The number in front of the token's colon: the bot's user id.
    let botID: Int64
    let apiURL: String
    let webhook: Webhook?
    let messagesPerSecond: Int
    let lanes: Int

    struct Webhook: Sendable {
        let url: String
        let secret: Secret
    }

    init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        token = try reader.value(DeliveryKey.token)
        guard let id = token.text.split(separator: ":").first.flatMap({ Int64($0) }), id > 0 else {
            throw ConfigurationError(key: DeliveryKey.token.name, reason: "must look like 123456:ABC…")
        }
        botID = id
        apiURL = try Self.withoutSlash(reader.value(DeliveryKey.apiURL))
        messagesPerSecond = try reader.value(DeliveryKey.messagesPerSecond)
        lanes = try reader.value(DeliveryKey.lanes)
        let name = try reader.value(DeliveryKey.botName)
        switch (reader.optional(DeliveryKey.publicURL), reader.optional(DeliveryKey.webhookSecret)) {
        case (nil, _):
            webhook = nil
        case (_, nil):
            throw ConfigurationError(
                key: DeliveryKey.webhookSecret.name,
                reason: "is needed with \(DeliveryKey.publicURL.name)"
            )
        case (let url?, let secret?):
            guard Self.isSecret(secret.text) else {
                throw ConfigurationError(key: DeliveryKey.webhookSecret.name, reason: "must be 1 to 256 of A-Za-z0-9_-")
            }
            webhook = Webhook(url: "\(Self.withoutSlash(url))/webhooks/telegram/\(name)", secret: secret)
        }
    }

    private static func withoutSlash(_ url: String) -> String { url.hasSuffix("/") ? String(url.dropLast()) : url }

    private static func isSecret(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                    || byte == 0x5f || byte == 0x2d
            }
    }
}
