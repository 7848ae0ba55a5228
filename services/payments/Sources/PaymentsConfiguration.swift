package import Configuration
internal import Time

/// What payments is told about its shop and the amounts it takes.
package struct PaymentsConfiguration: Sendable {
    /// Nil where no shop is configured; the rail is then not offered.
    package var shop: Shop?
    /// The smallest and largest top-up, in kopecks.
    package var range: ClosedRange<Int64>
    /// Quick amounts within the range, in kopecks.
    package var amounts: [Int64]
    package var reconcileEvery: Duration

    /// A YooKassa shop.
    package struct Shop: Sendable {
        package var apiURL: String
        package var shopID: String
        package var secretKey: Secret
        package var returnURL: String
        package var receipt: PaymentRequest.Receipt?
        package var requestsPerSecond: Int

        /// Whether payments must be test payments: YooKassa's keys say it in their prefix; nil if this one doesn't.
        package var isTest: Bool? {
            if secretKey.text.hasPrefix("test_") { return true }
            return secretKey.text.hasPrefix("live_") ? false : nil
        }

        /// Whether the API is a stand-in on this network, for `/health`.
        package var isStandIn: Bool { apiURL != Key.defaultAPI }
    }

    /// - Throws: `ConfigurationError` for values that don't fit together.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        let least = try reader.value(Key.minimum)
        let most = try reader.value(Key.maximum)
        guard least <= most else {
            throw ConfigurationError(key: Key.minimum.name, reason: "is above \(Key.maximum.name)")
        }
        self.range = Int64(least)...Int64(most)
        let range = range
        self.amounts = try reader.value(Key.amounts).map { text throws(ConfigurationError) -> Int64 in
            guard let amount = Int64(text) else {
                throw ConfigurationError(key: Key.amounts.name, reason: "takes whole kopecks separated by commas")
            }
            return amount
        }.filter { range.contains($0) }
        self.reconcileEvery = try reader.value(Key.reconcileEvery)
        self.shop = try Self.shop(reader)
    }

    private static func shop(_ reader: ConfigurationReader) throws(ConfigurationError) -> Shop? {
        switch (reader.optional(Key.shopID), reader.optional(Key.secretKey)) {
        case (nil, nil): return nil
        case (nil, .some): throw ConfigurationError(key: Key.shopID.name, reason: "is missing beside the secret key")
        case (.some, nil): throw ConfigurationError(key: Key.secretKey.name, reason: "is missing beside the shop id")
        case (let shopID?, let secretKey?):
            let vatCode = try reader.value(Key.receiptVATCode)
            return Shop(
                apiURL: try reader.value(Key.apiURL),
                shopID: shopID,
                secretKey: secretKey,
                returnURL: try reader.value(Key.returnURL),
                receipt: reader.optional(Key.receiptEmail).map { .init(email: $0, vatCode: vatCode) },
                requestsPerSecond: try reader.value(Key.requestsPerSecond)
            )
        }
    }

    /// The keys beyond the standard ones.
    package enum Key {
        static let defaultAPI = "https://api.yookassa.ru/v3"

        static let apiURL = ConfigurationKey.url(
            "ATELIER_YOOKASSA_API_URL",
            default: defaultAPI,
            help: "where YooKassa's API is"
        )
        static let shopID = ConfigurationKey.string(
            "ATELIER_YOOKASSA_SHOP_ID",
            optional: true,
            help: "the shop's number; without it roubles are not offered"
        )
        static let secretKey = ConfigurationKey.secret(
            "ATELIER_YOOKASSA_SECRET_KEY",
            optional: true,
            help: "the shop's secret key, live_… or test_…"
        )
        static let requestsPerSecond = ConfigurationKey.int(
            "ATELIER_YOOKASSA_REQUESTS_PER_SECOND",
            default: 5,
            range: 1...50,
            help: "the most requests of one instance to YooKassa"
        )
        static let returnURL = ConfigurationKey.url(
            "ATELIER_RETURN_URL",
            default: "https://t.me",
            help: "where the buyer's browser goes after paying, e.g. https://t.me/<bot>"
        )
        static let receiptEmail = ConfigurationKey.string(
            "ATELIER_YOOKASSA_RECEIPT_EMAIL",
            optional: true,
            help: "the address on receipts, for shops with fiscalisation (54-FZ)"
        )
        static let receiptVATCode = ConfigurationKey.int(
            "ATELIER_YOOKASSA_RECEIPT_VAT_CODE",
            default: 1,
            range: 1...12,
            help: "YooKassa's VAT code on receipts; 1 is without VAT"
        )
        static let minimum = ConfigurationKey.int(
            "ATELIER_TOP_UP_MINIMUM_KOPECKS",
            default: 10_000,
            range: 100...10_000_000,
            help: "the smallest top-up"
        )
        static let maximum = ConfigurationKey.int(
            "ATELIER_TOP_UP_MAXIMUM_KOPECKS",
            default: 1_500_000,
            range: 100...10_000_000,
            help: "the largest top-up"
        )
        static let amounts = ConfigurationKey.list(
            "ATELIER_TOP_UP_AMOUNTS_KOPECKS",
            default: ["10000", "30000", "50000", "100000"],
            help: "quick amounts on the top-up screen"
        )
        static let reconcileEvery = ConfigurationKey.duration(
            "ATELIER_YOOKASSA_RECONCILE_EVERY",
            default: .seconds(3_600),
            help: "how often YooKassa's list of payments is compared with our orders"
        )

        /// All of them, in the order in which they are shown.
        package static let all: [any ConfigurationKeyDescription] = [
            apiURL, shopID, secretKey, requestsPerSecond, returnURL, receiptEmail, receiptVATCode, minimum, maximum,
            amounts, reconcileEvery,
        ]
    }
}
