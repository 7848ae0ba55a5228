package import Configuration

/// Settings of the sandbox, read from the environment.
///
/// | variable | default | meaning |
/// |---|---|---|
/// | `ATELIER_SANDBOX_LISTEN` | `127.0.0.1:8080` | address of the only listener |
/// | `ATELIER_SANDBOX_BOT_TOKEN` | a public test token | token that the Telegram stand-in accepts |
/// | `ATELIER_SANDBOX_KIE_KEY` | `sandbox-kie-key` | keys that the KIE stand-in accepts, comma-separated, each of an account of its own |
/// | `ATELIER_SANDBOX_YOOKASSA_SHOP` | `100500` | shop id that the YooKassa stand-in accepts |
/// | `ATELIER_SANDBOX_YOOKASSA_SECRET` | `test_sandbox` | its secret key |
/// | `ATELIER_SANDBOX_INGRESS_URL` | `http://127.0.0.1:8090` | where YooKassa's notifications go |
/// | `ATELIER_SANDBOX_KIE_DELAY` | `2s` | usual time of a KIE task |
/// | `ATELIER_SANDBOX_STATE` | none: memory only | folder that keeps everything over a restart |
package struct SandboxConfiguration: Sendable {
    package var address: ListenAddress
    package var botToken: Secret
    package var kieKeys: [Secret]
    package var yookassaShop: String
    package var yookassaSecret: Secret
    package var ingressURL: String
    package var kieDelay: Duration
    package var stateFolder: String?

    private static let listen = ConfigurationKey<ListenAddress>.listen(
        "ATELIER_SANDBOX_LISTEN",
        default: ListenAddress("127.0.0.1:8080"),
        help: "address of the sandbox's listener"
    )
    private static let token = ConfigurationKey<Secret>.secret(
        "ATELIER_SANDBOX_BOT_TOKEN",
        default: Secret("8012345678:AAE-sandbox-token-not-a-secret-at-all"),
        help: "bot token that the Telegram stand-in accepts"
    )
    private static let key = ConfigurationKey<[String]>.list(
        "ATELIER_SANDBOX_KIE_KEY",
        default: ["sandbox-kie-key"],
        isSecret: true,
        help: "keys that the KIE stand-in accepts, each of an account of its own"
    )
    private static let shop = ConfigurationKey<String>.string(
        "ATELIER_SANDBOX_YOOKASSA_SHOP",
        default: "100500",
        help: "shop id that the YooKassa stand-in accepts"
    )
    private static let secret = ConfigurationKey<Secret>.secret(
        "ATELIER_SANDBOX_YOOKASSA_SECRET",
        default: Secret("test_sandbox"),
        help: "secret key of that shop"
    )
    private static let ingress = ConfigurationKey<String>.url(
        "ATELIER_SANDBOX_INGRESS_URL",
        default: "http://127.0.0.1:8090",
        help: "where YooKassa's notifications go"
    )
    private static let delay = ConfigurationKey<Duration>.duration(
        "ATELIER_SANDBOX_KIE_DELAY",
        default: .seconds(2),
        help: "usual time of a KIE task"
    )
    private static let state = ConfigurationKey<String>.string(
        "ATELIER_SANDBOX_STATE",
        optional: true,
        help: "folder that keeps the sandbox's memory over a restart"
    )

    /// All keys, for `check-config` and the documentation.
    package static var keys: [any ConfigurationKeyDescription] {
        [listen, token, key, shop, secret, ingress, delay, state]
    }

    /// - Throws: All values that cannot be read, at once.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        try reader.check(Self.keys)
        self.address = try reader.value(Self.listen)
        self.botToken = try reader.value(Self.token)
        self.kieKeys = try reader.value(Self.key).map { Secret($0) }
        self.yookassaShop = try reader.value(Self.shop)
        self.yookassaSecret = try reader.value(Self.secret)
        self.ingressURL = try reader.value(Self.ingress)
        self.kieDelay = try reader.value(Self.delay)
        self.stateFolder = reader.optional(Self.state)
    }

    /// Id of the bot: the part of the token before the colon.
    var botID: Int64 { Int64(botToken.text.prefix { $0 != ":" }) ?? 8_012_345_678 }
}
