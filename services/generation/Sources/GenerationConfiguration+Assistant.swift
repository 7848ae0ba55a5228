internal import Configuration

/// The language model that helps with prompts; optional.
extension GenerationConfiguration {
    enum Assistant {
        static let usualModel = "gpt-4o-mini"

        static let url = ConfigurationKey.url(
            "ATELIER_ASSISTANT_URL",
            optional: true,
            help: "an OpenAI-compatible API with its version, e.g. https://api.openai.com/v1; without it templates help"
        )
        static let key = ConfigurationKey.secret(
            "ATELIER_ASSISTANT_KEY",
            optional: true,
            help: "the key of that API"
        )
        static let model = ConfigurationKey.string(
            "ATELIER_ASSISTANT_MODEL",
            default: usualModel,
            help: "the model that is asked there"
        )
        static let perDay = ConfigurationKey.int(
            "ATELIER_PROMPT_HELPS_PER_DAY",
            default: 30,
            range: 0...100_000,
            help: "suggestions of words that a user has in 24 hours; they are free"
        )

        static let all: [any ConfigurationKeyDescription] = [url, key, model, perDay]
    }
}
