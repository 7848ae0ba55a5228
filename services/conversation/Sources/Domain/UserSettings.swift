/// What holds for a user in every chat.
struct UserSettings: Codable, Sendable, Equatable {
    var language: Language
    /// Whether the user chose the language, so that the client's no longer counts.
    var isLanguageChosen = false
    /// Runs dearer than this are confirmed first; nil never asks.
    var confirmAboveKopecks: Int64? = 5_000
    /// Payload of the deep link that brought the user here first.
    var startPayload: String?

    /// What `/settings` offers; nil means "never ask".
    static let confirmChoices: [Int64?] = [0, 2_000, 5_000, 10_000, 30_000, nil]
}

/// Languages that texts exist in.
enum Language: String, Codable, Sendable, CaseIterable {
    case russian = "ru"
    case english = "en"

    /// The language for a client's IETF tag: Russian where it is widely read, English elsewhere and when unknown means
    /// Russian, because that is where the bot's users are.
    init(tag: String?) {
        guard let tag, !tag.isEmpty else {
            self = .russian
            return
        }
        let base = tag.prefix { $0 != "-" && $0 != "_" }.lowercased()
        self = ["ru", "uk", "be", "kk", "ky", "uz", "tg", "az", "hy", "tt"].contains(base) ? .russian : .english
    }
}
