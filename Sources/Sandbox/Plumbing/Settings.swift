internal import Contracts

/// What the control API can change while the sandbox runs.
struct Settings: Codable, Equatable, Sendable {
    /// Usual time of a KIE task, in seconds.
    var kieDelay: Double = 2
    /// Time until recordInfo sees a new task, in seconds.
    var kieVisibility: Double = 0.2
    /// Whether KIE's rate limits hold.
    var kieLimits = true
    /// Whether Telegram's rate limits hold.
    var telegramLimits = true
    /// Whether YooKassa pays by itself, without the buyer; for load tests.
    var yookassaAutopay = false
    /// Size of result pictures; nil draws them. For load tests, where drawing would cost more than what is measured.
    var kiePictureBytes: Int?

    var json: JSONValue {
        [
            "kie_delay": .number(kieDelay), "kie_visibility": .number(kieVisibility), "kie_limits": .bool(kieLimits),
            "telegram_limits": .bool(telegramLimits), "yookassa_autopay": .bool(yookassaAutopay),
            "kie_picture_bytes": kiePictureBytes?.json ?? .null,
        ]
    }

    /// Takes over the members that are present.
    ///
    /// - Returns: The name of a member that has a wrong type or value, nil if all is well.
    mutating func update(_ members: [String: JSONValue]) -> String? {
        for (name, value) in members {
            switch (name, value.number, value.bool) {
            case ("kie_delay", let seconds?, _) where (0...3_600).contains(seconds): kieDelay = seconds
            case ("kie_visibility", let seconds?, _) where (0...60).contains(seconds): kieVisibility = seconds
            case ("kie_limits", _, let flag?): kieLimits = flag
            case ("telegram_limits", _, let flag?): telegramLimits = flag
            case ("yookassa_autopay", _, let flag?): yookassaAutopay = flag
            case ("kie_picture_bytes", let bytes?, _) where (1_000...50_000_000).contains(bytes):
                kiePictureBytes = Int(bytes)
            default: return name
            }
        }
        return nil
    }
}
