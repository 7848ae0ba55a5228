/// Tells the class of a failure from its code and text.
///
/// The same codes mean different things in different places, so the text decides first. The order of the rules matters:
/// texts about parameters may contain words of moderation.
enum ErrorClassifier {
    /// - Parameters:
    ///   - code: `code` of an answer or `failCode` of a task; nil if it is no number.
    ///   - text: `msg` or `failMsg`, in any case.
    static func classify(code: Int?, text: String) -> ErrorClass {
        let words = Words(text)
        if code == 402 || words.hasAny(of: credits) { return .insufficientCredits }
        if code == 433 || words.hasAny(of: keyLimits) { return .keyLimit }
        if code == 429 || code == 430 || words.hasAny(of: rateLimits) { return .rateLimit }
        if words.hasAny(of: parameters) || words.speaksOfInvalidValue { return .invalidInput }
        if words.hasAny(of: moderation) || words.hasWord(startingWith: moderationStems) { return .refused }
        if words.hasAny(of: temporary) { return .temporary }
        return byCode(code, words)
    }

    private static func byCode(_ code: Int?, _ words: Words) -> ErrorClass {
        switch code {
        case 408, 455, 500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 531, 550: .temporary
        case 401, 403: .unauthorized
        case 404, 405, 409, 505: .notFound
        case 451: .fetchFailed
        case nil where words.hasAny(of: ["generation failed"]): .temporary
        default: .unknown
        }
    }

    private static let credits = [
        "credits insufficient", "insufficient credit", "insufficient credits", "balance isn t enough", "top up",
    ]
    private static let keyLimits = ["usage exceeded", "usage limit exceeded"]
    private static let rateLimits = [
        "call frequency", "rate limit", "too many requests", "limit for concurrent generations",
    ]
    private static let parameters = [
        "is required", "cannot be empty", "can not be empty", "not within the range", "is not supported",
        "not supported", "must be between", "page does not exist",
    ]
    private static let moderation = [
        "nsfw", "sensitive", "moderation", "moderator", "flagged", "prohibited", "policy", "policies", "safety",
        "inappropriate", "celebrity", "public figure", "prominent people", "minor upload", "unsafe", "real person",
        "privacyinformation", "inputimagesensitive", "inputtextsensitive", "sensitivecontentdetected",
        "rejected by flow", "your input was rejected", "artist name", "matches existing work", "sensitive word error",
    ]
    private static let moderationStems = ["violat", "copyright"]
    private static let temporary = [
        "internal error", "internal server error", "try again later", "server is busy", "timed out", "timeout",
        "temporarily paused",
    ]
}

/// A text cut into lower-case words at everything but ASCII letters and digits, so that whole words and phrases can be
/// looked for.
private struct Words {
    private let list: [Substring]
    private let joined: String

    init(_ text: String) {
        let plain = text.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : " " }
        let words = String(plain).split(separator: " ")
        list = words
        joined = " " + words.joined(separator: " ") + " "
    }

    func hasAny(of phrases: [String]) -> Bool {
        phrases.contains { joined.contains(" \($0) ") }
    }

    func hasWord(startingWith stems: [String]) -> Bool {
        list.contains { word in stems.contains { word.hasPrefix($0) } }
    }

    /// "invalid" alone says nothing; together with what is invalid it speaks of a parameter. Upper-case filter names such
    /// as `PUBLIC_ERROR_…_FILTER_FAILED` hold none of these.
    var speaksOfInvalidValue: Bool {
        list.contains("invalid")
            && list.contains { Self.parameterNouns.contains(String($0)) }
    }

    private static let parameterNouns: Set<String> = [
        "type", "size", "duration", "ratio", "length", "format", "resolution", "parameter", "value", "url",
    ]
}
