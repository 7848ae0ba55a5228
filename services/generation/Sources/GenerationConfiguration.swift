internal import Configuration
internal import Contracts
internal import Cryptography
internal import ModelCatalogue
internal import ObjectStorage
internal import Time

/// The service's settings, read and checked once.
struct GenerationConfiguration: Sendable {
    var modelsDirectory: String
    var assetDirectory: String
    /// The bucket that keeps assets; nil for the folder.
    var bucket: ObjectBucket.Configuration?
    var kieURL: String
    var kieUploadURL: String
    var kieKeys: ProviderKeys
    /// Where the outside reaches ingress, without a slash at the end.
    var publicURL: String
    var signingKey: Ed25519.PrivateKey
    var fileLinkLifetime: Duration
    var resultRetention: Duration
    var inputRetention: Duration
    var pricing: Pricing
    var disabledModels: Set<String>
    var sellsUntriedModels: Bool
    var modelReload: Duration
    /// How often each model's public facts are read anew.
    var providerSync: Duration
    /// How old statistics may be.
    var statisticsAge: Duration
    var templatesDirectory: String
    var freeRunsPerDay: Int
    var freeKopecksPerDay: Int64
    var lowCredits: Int
    var assistant: PromptAssistant.Configuration?
    var promptHelpsPerDay: Int
    var maximumOpenJobs: Int
    var maximumRunningJobs: Int
    var concurrency: Int
    var lease: Duration
    var polls: PollSchedule
    var unknownGrace: Duration
    var submitTimeout: Duration
    var maximumResultBytes: Int64
    var allowsPrivateResultHosts: Bool

    /// - Throws: For values that are missing or don't fit.
    init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        modelsDirectory = try reader.value(Key.models)
        assetDirectory = try reader.value(Key.assets)
        bucket = try Self.bucket(reader)
        kieURL = try reader.value(Key.kieURL)
        kieUploadURL = try reader.value(Key.kieUploadURL)
        guard let keys = ProviderKeys(try reader.value(Key.kieKeys)) else {
            throw ConfigurationError(
                key: Key.kieKeys.name,
                reason: "must list different keys as [account/]key[*weight 1 to 100][@dollars a day]"
            )
        }
        guard !keys.names.isEmpty else { throw ConfigurationError(key: Key.kieKeys.name, reason: "holds no key") }
        kieKeys = keys
        publicURL = try reader.value(Key.publicURL)
        signingKey = try reader.value(Key.signingKey)
        fileLinkLifetime = try reader.value(Key.fileLinkLifetime)
        resultRetention = try Self.retention(reader, Key.resultRetention)
        inputRetention = try Self.retention(reader, Key.inputRetention)
        pricing = Pricing(
            kopecksPerDollar: try reader.value(Key.roublesPerDollar).hundredths,
            markupThousandths: try reader.value(Key.markup).thousandths,
            minimumMarginKopecks: Int64(try reader.value(Key.minimumMargin)),
            minimumMarginPercent: Int64(try reader.value(Key.minimumMarginPercent))
        )
        disabledModels = Set(try reader.value(Key.disabledModels))
        sellsUntriedModels = try reader.value(Key.sellUntried)
        modelReload = try reader.value(Key.modelReload)
        providerSync = try reader.value(Key.providerSync)
        statisticsAge = try reader.value(Key.statisticsAge)
        templatesDirectory = try reader.value(Key.templates)
        freeRunsPerDay = try reader.value(Key.freeRuns)
        lowCredits = try reader.value(Key.lowCredits)
        freeKopecksPerDay = Int64(try reader.value(Key.freeRoubles)) * 100
        assistant = reader.optional(Assistant.url).map { url in
            PromptAssistant.Configuration(
                url: url,
                key: reader.optional(Assistant.key),
                model: reader.optional(Assistant.model) ?? Assistant.usualModel
            )
        }
        promptHelpsPerDay = try reader.value(Assistant.perDay)
        maximumOpenJobs = try reader.value(Key.openJobs)
        maximumRunningJobs = try reader.value(Key.runningJobs)
        concurrency = try reader.value(Key.concurrency)
        lease = try reader.value(Key.lease)
        polls = PollSchedule(first: try reader.value(Key.pollFirst), interval: try reader.value(Key.pollInterval))
        unknownGrace = try reader.value(Key.unknownGrace)
        submitTimeout = try reader.value(Key.submitTimeout)
        maximumResultBytes = Int64(try reader.value(Key.resultMegabytes)) << 20
        allowsPrivateResultHosts = try reader.value(Key.privateHosts)
    }

    /// Shorter ones could take a file from a job under way.
    private static func retention(
        _ reader: ConfigurationReader,
        _ key: ConfigurationKey<Duration>
    ) throws(ConfigurationError) -> Duration {
        let value = try reader.value(key)
        guard value >= .seconds(86_400) else { throw ConfigurationError(key: key.name, reason: "is less than a day") }
        return value
    }

    /// How old a provider's copy of an input may be: it lives for a day, and a run may take long.
    static let uploadAge = Duration.seconds(20 * 3_600)
    /// How long a hold outlives the job's hard limit, so that a charge never comes too late.
    static let holdGrace = Duration.seconds(3_600)
    static let quoteLifetime = Duration.seconds(600)
}

extension GenerationConfiguration {
    /// The environment variables.
    enum Key {
        static let models = ConfigurationKey.string(
            "ATELIER_MODELS",
            default: "services/generation/models",
            help: "the folder of model files"
        )
        static let templates = ConfigurationKey.string(
            "ATELIER_TEMPLATES",
            default: "services/generation/templates",
            help: "the folder of prompt templates; one that does not exist holds none"
        )
        static let assets = ConfigurationKey.string(
            "ATELIER_ASSETS",
            default: ".atelier/assets",
            help: "where result and input files are kept; shared by all instances, unless a bucket keeps them"
        )
        static let resultRetention = ConfigurationKey.duration(
            "ATELIER_RESULT_RETENTION",
            default: .seconds(30 * 86_400),
            help: "how long results are kept after they were made or last used; a day at least"
        )
        static let inputRetention = ConfigurationKey.duration(
            "ATELIER_INPUT_RETENTION",
            default: .seconds(7 * 86_400),
            help: "how long users' files are kept after their last use; a day at least"
        )
        static let kieURL = ConfigurationKey.url(
            "ATELIER_KIE_API_URL",
            default: "https://api.kie.ai",
            help: "KIE's API"
        )
        static let kieUploadURL = ConfigurationKey.url(
            "ATELIER_KIE_UPLOAD_URL",
            default: "https://kieai.redpandaai.co",
            help: "KIE's upload host"
        )
        static let kieKeys = ConfigurationKey.list(
            "ATELIER_KIE_KEYS",
            isSecret: true,
            help: "KIE API keys as [account/]key[*weight][@dollars a day]; without account each is one of its own"
        )
        static let publicURL = ConfigurationKey.url(
            "ATELIER_PUBLIC_URL",
            default: "http://127.0.0.1:8090",
            help: "where the outside reaches ingress; KIE calls back to <it>/webhooks/kie/<token>"
        )
        static let signingKey = ConfigurationKey<Ed25519.PrivateKey>(
            "ATELIER_KIE_CALLBACK_PRIVATE_KEY",
            isSecret: true,
            form: "the 32 bytes of an Ed25519 private key as hex or base64url",
            help: "signs callback tokens and download links; ingress has the public half"
        ) { text in
            (Hex.decode(text) ?? Base64URL.decode(text)).flatMap { Ed25519.PrivateKey(bytes: $0) }
        }
        static let fileLinkLifetime = ConfigurationKey.duration(
            "ATELIER_FILE_LINK_LIFETIME",
            default: .seconds(7 * 86_400),
            help: "how long the link to a result that Telegram can't carry is good"
        )
        static let roublesPerDollar = ConfigurationKey<Decimals>.decimals(
            "ATELIER_RUB_PER_USD",
            default: Decimals(thousandths: 92_000),
            help: "what a US dollar costs in roubles"
        )
        static let markup = ConfigurationKey<Decimals>.decimals(
            "ATELIER_MARKUP",
            default: Decimals(thousandths: 2_000),
            help: "user price divided by provider cost"
        )
        static let minimumMargin = ConfigurationKey.int(
            "ATELIER_MINIMUM_MARGIN_KOPECKS",
            default: 50,
            range: 0...100_000,
            help: "what a paid run earns at least"
        )
        static let minimumMarginPercent = ConfigurationKey.int(
            "ATELIER_MINIMUM_MARGIN_PERCENT",
            default: 20,
            range: 0...90,
            help: "share of the price that a paid run earns at least"
        )
        static let sellUntried = ConfigurationKey.bool(
            "ATELIER_SELL_UNTRIED_MODELS",
            default: false,
            help: "whether models are sold before their smoke run, and spares too; for the smoke run itself"
        )
        static let modelReload = ConfigurationKey.duration(
            "ATELIER_MODEL_RELOAD",
            default: .seconds(2),
            help: "how often the folder of model files is looked at for changes"
        )
        static let providerSync = ConfigurationKey.duration(
            "ATELIER_KIE_SYNC",
            default: .seconds(6 * 3_600),
            help: "how often the provider's facts about a model are read anew, at one request a second in all"
        )
        static let statisticsAge = ConfigurationKey.duration(
            "ATELIER_STATISTICS_AGE",
            default: .seconds(300),
            help: "how old figures about waits and success may be before they are computed anew"
        )
        static let lowCredits = ConfigurationKey.int(
            "ATELIER_KIE_LOW_CREDITS",
            default: 500,
            range: 0...1_000_000_000,
            help: "below so many credits of a provider key the operator is alarmed"
        )
        static let freeRoubles = ConfigurationKey.int(
            "ATELIER_FREE_ROUBLES_PER_DAY",
            default: 1_000,
            range: 0...10_000_000,
            help: "what free runs of all users together may cost the operator a day (UTC), in roubles"
        )
        static let disabledModels = ConfigurationKey.list(
            "ATELIER_DISABLED_MODELS",
            default: [],
            help: "slugs of models that are not sold now"
        )
        static let freeRuns = ConfigurationKey.int(
            "ATELIER_FREE_RUNS_PER_DAY",
            default: 10,
            range: 0...10_000,
            help: "runs of free models that a user has a day (UTC); failed ones don't count"
        )
        static let openJobs = ConfigurationKey.int(
            "ATELIER_MAXIMUM_OPEN_JOBS",
            default: 20,
            range: 1...1_000,
            help: "jobs that a user may have under way"
        )
        static let runningJobs = ConfigurationKey.int(
            "ATELIER_MAXIMUM_RUNNING_JOBS",
            default: 5,
            range: 1...1_000,
            help: "jobs of one user that are at the provider at once; further ones wait for their turn"
        )
        static let concurrency = ConfigurationKey.int(
            "ATELIER_JOB_CONCURRENCY",
            default: 64,
            range: 1...1_024,
            help: "jobs worked on at once by one instance"
        )
        static let lease = ConfigurationKey.duration(
            "ATELIER_JOB_LEASE",
            default: .seconds(4),
            help: "how soon another instance takes over the jobs of one that died"
        )
        static let pollFirst = ConfigurationKey.duration(
            "ATELIER_KIE_POLL_FIRST",
            default: .seconds(15),
            help: "the longest wait before a task's first poll"
        )
        static let pollInterval = ConfigurationKey.duration(
            "ATELIER_KIE_POLL_INTERVAL",
            default: .seconds(15),
            help: "the wait between polls of a task"
        )
        static let unknownGrace = ConfigurationKey.duration(
            "ATELIER_KIE_UNKNOWN_GRACE",
            default: .seconds(300),
            help: "how long, beyond three times the usual run, an unanswered submission is waited for"
        )
        static let submitTimeout = ConfigurationKey.duration(
            "ATELIER_KIE_SUBMIT_TIMEOUT",
            default: .seconds(60),
            help: "how long a createTask call may take"
        )
        static let resultMegabytes = ConfigurationKey.int(
            "ATELIER_MAXIMUM_RESULT_MEGABYTES",
            default: 512,
            range: 1...10_240,
            help: "the largest result file"
        )
        static let privateHosts = ConfigurationKey.bool(
            "ATELIER_ALLOW_PRIVATE_RESULT_HOSTS",
            default: false,
            help: "whether results may be fetched from private addresses; for the sandbox only"
        )

        static let all: [any ConfigurationKeyDescription] =
            [
                models, templates, assets, resultRetention, inputRetention, kieURL, kieUploadURL, kieKeys, publicURL,
                signingKey,
                fileLinkLifetime, roublesPerDollar,
                markup, minimumMargin, minimumMarginPercent, disabledModels, sellUntried, modelReload, providerSync,
                statisticsAge, lowCredits,
                freeRuns,
                freeRoubles,
                openJobs, runningJobs, concurrency, lease, pollFirst, pollInterval,
                unknownGrace, submitTimeout, resultMegabytes, privateHosts,
            ] + S3.all + Assistant.all
    }
}

extension ConfigurationKey where Value == Decimals {
    /// A positive number with up to three decimal places.
    static func decimals(_ name: String, default: Decimals, help: String) -> Self {
        Self(name, default: `default`, form: "a positive number such as 92.5", help: help) { Decimals($0) }
    }
}
