internal import Configuration
internal import Cryptography

/// What ingress is told by its environment.
struct IngressConfiguration: Sendable {
    /// Secrets of each bot's webhook by the bot's name in the path; two while one is being changed.
    var bots: [String: [Secret]]
    /// Checks the tokens in KIE's callback URLs.
    var callbackKey: Ed25519.PublicKey
    /// KIE's keys for signing callbacks; empty if the account has none.
    var callbackHMACKeys: [[UInt8]]
    /// From where YooKassa posts.
    var yookassaSources: [AddressRange]
    /// Whose `X-Forwarded-For` is believed.
    var trustedProxies: [AddressRange]
    /// How long bodies of events are kept.
    var keepDays: Int
    /// How long a repeated webhook is known as one.
    var dedupDays: Int

    static let botsKey = ConfigurationKey.secrets(
        "ATELIER_TELEGRAM_BOTS",
        help: "webhook secrets by bot name: main=secret; old|new while a secret is being changed"
    )
    static let callbackKeyKey = ConfigurationKey<String>.string(
        "ATELIER_KIE_CALLBACK_PUBLIC_KEY",
        help: "generation's public key for callback tokens, 32 bytes in base64url"
    )
    static let callbackHMACKey = ConfigurationKey<String>.string(
        "ATELIER_KIE_WEBHOOK_HMAC_KEY",
        optional: true,
        isSecret: true,
        help: "the webhookHmacKey of KIE's settings, if there is one: old|new while it is being changed"
    )
    static let yookassaKey = ConfigurationKey.list(
        "ATELIER_YOOKASSA_SOURCES",
        default: [
            "185.71.76.0/27", "185.71.77.0/27", "77.75.153.0/25", "77.75.154.128/25", "77.75.156.11", "77.75.156.35",
            "2a02:5180::/32",
        ],
        help: "address ranges from which YooKassa posts"
    )
    static let proxiesKey = ConfigurationKey.list(
        "ATELIER_TRUSTED_PROXIES",
        default: [],
        help: "address ranges of proxies whose X-Forwarded-For is believed"
    )
    static let keepDaysKey = ConfigurationKey.int(
        "ATELIER_KEEP_EVENTS_DAYS",
        default: 35,
        range: 2...3_650,
        help: "how long bodies of events are kept"
    )

    static let dedupDaysKey = ConfigurationKey.int(
        "ATELIER_DEDUP_DAYS",
        default: 35,
        range: 30...3_650,
        help: "how long a repeated webhook is known as one, at least"
    )

    static let keys: [any ConfigurationKeyDescription] = [
        botsKey, callbackKeyKey, callbackHMACKey, yookassaKey, proxiesKey, keepDaysKey, dedupDaysKey,
    ]

    init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        self.bots = try reader.value(Self.botsKey).mapValues { secret in
            secret.text.split(separator: "|").map { Secret(String($0)) }
        }
        guard let bytes = Base64URL.decode(try reader.value(Self.callbackKeyKey)),
            let key = Ed25519.PublicKey(bytes: bytes)
        else {
            throw ConfigurationError(key: Self.callbackKeyKey.name, reason: "must be 32 bytes in base64url")
        }
        self.callbackKey = key
        self.callbackHMACKeys = (reader.optional(Self.callbackHMACKey) ?? "").split(separator: "|")
            .map { Array($0.utf8) }
        self.yookassaSources = try Self.ranges(reader, Self.yookassaKey)
        self.trustedProxies = try Self.ranges(reader, Self.proxiesKey)
        self.keepDays = try reader.value(Self.keepDaysKey)
        self.dedupDays = try reader.value(Self.dedupDaysKey)
    }

    private static func ranges(
        _ reader: ConfigurationReader,
        _ key: ConfigurationKey<[String]>
    ) throws(ConfigurationError) -> [AddressRange] {
        var ranges: [AddressRange] = []
        for text in try reader.value(key) {
            guard let range = AddressRange(text) else {
                throw ConfigurationError(key: key.name, reason: "has '\(text)', which is no address range")
            }
            ranges.append(range)
        }
        return ranges
    }
}
