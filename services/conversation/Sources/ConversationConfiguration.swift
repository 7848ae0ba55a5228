internal import Configuration

/// The service's own configuration.
///
/// | key | default | meaning |
/// |---|---|---|
/// | `ATELIER_BOT_USERNAME` | none | the bot's name without `@`: mentions in groups, links to the private chat |
/// | `ATELIER_SUPPORT_CONTACT` | none | where people write for help, e.g. `@atelier_help`; shown under /support |
enum ConversationConfiguration {
    static let botUsername = ConfigurationKey.string(
        "ATELIER_BOT_USERNAME",
        default: "",
        help: "The bot's name without @, for mentions in groups and links to the private chat."
    )
    static let supportContact = ConfigurationKey.string(
        "ATELIER_SUPPORT_CONTACT",
        default: "",
        help: "Where people write for help, e.g. @atelier_help."
    )

    static let keys: [any ConfigurationKeyDescription] = [botUsername, supportContact]

    static func house(_ reader: ConfigurationReader) throws(ConfigurationError) -> House {
        let name = try reader.value(botUsername)
        return House(
            botUsername: name.hasPrefix("@") ? String(name.dropFirst()) : name,
            supportContact: try reader.value(supportContact)
        )
    }
}
