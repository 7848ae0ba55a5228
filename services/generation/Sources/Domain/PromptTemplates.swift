internal import Contracts

/// Suggestions without an assistant: what a picture, film or song lacks is added in the user's language, and what the user
/// has said stays word for word. Pure.
enum PromptTemplates {
    /// One thing that is worth saying, and the beginnings of words that say it already.
    private struct Aspect {
        let signs: [String]
        let ru: String
        let en: String
    }

    private static let picture = [
        Aspect(
            signs: ["свет", "осве", "закат", "рассвет", "ночь", "light", "sunset", "night", "glow"],
            ru: "мягкий объёмный свет",
            en: "soft volumetric light"
        ),
        Aspect(
            signs: ["компози", "план", "ракурс", "портрет", "composition", "close-up", "angle", "portrait", "shot"],
            ru: "чёткая композиция",
            en: "clear composition"
        ),
        Aspect(
            signs: ["детал", "реалис", "аниме", "акварел", "стиль", "detail", "realis", "anime", "style", "watercolo"],
            ru: "тонкая проработка деталей",
            en: "fine detail"
        ),
    ]
    private static let film = [
        Aspect(
            signs: ["камер", "наезд", "пролёт", "пролет", "camera", "dolly", "pan ", "zoom", "tracking"],
            ru: "камера плавно приближается",
            en: "the camera moves in smoothly"
        ),
        Aspect(
            signs: ["движ", "ид", "беж", "лет", "кру", "walk", "run", "fly", "turn", "mov"],
            ru: "естественное движение без рывков",
            en: "natural motion without jerks"
        ),
        Aspect(
            signs: ["свет", "осве", "закат", "рассвет", "ночь", "light", "sunset", "night", "glow"],
            ru: "кинематографичный свет",
            en: "cinematic light"
        ),
    ]
    private static let song = [
        Aspect(
            signs: ["темп", "быстр", "медлен", "bpm", "tempo", "fast", "slow"],
            ru: "средний темп",
            en: "medium tempo"
        ),
        Aspect(
            signs: ["гитар", "пиан", "фортеп", "бас", "барабан", "скрип", "guitar", "piano", "bass", "drum", "synth"],
            ru: "живые инструменты",
            en: "live instruments"
        ),
        Aspect(
            signs: ["груст", "весел", "нежн", "энерг", "настроен", "sad", "happy", "tender", "energ", "mood"],
            ru: "тёплое настроение",
            en: "a warm mood"
        ),
    ]

    /// The text with what it does not say yet; as it is where nothing is missing or nothing may be added: words that are
    /// spoken must stay the user's.
    ///
    /// - Parameter limit: Unicode scalars that the model takes; nil for no limit.
    static func improved(_ text: String, task: ModelTask?, output: MediaKind?, limit: Int?) -> String {
        let aspects: [Aspect]
        switch (task, output) {
        case (.speech?, _), (.transcription?, _), (.avatar?, _), (_, .text?): return text
        case (.music?, _): aspects = song
        case (.sound?, _): return text
        case (_, .video?): aspects = film
        case (_, .audio?): aspects = song
        default: aspects = picture
        }
        let known = text.lowercased()
        let isRussian = isRussian(text)
        var result = text
        for aspect in aspects where !aspect.signs.contains(where: { known.contains($0) }) {
            let longer = joined(result, isRussian ? aspect.ru : aspect.en)
            guard longer.unicodeScalars.count <= limit ?? .max else { break }
            result = longer
        }
        return result
    }

    /// A film of ten seconds about a product: a look, a use, a last word.
    static func script(_ product: String, limit: Int?) -> String {
        let name = product.split(whereSeparator: \.isNewline).joined(separator: " ").trimming {
            $0.isWhitespace || $0 == "."
        }
        let text =
            isRussian(name)
            ? """
            Рекламный ролик, 10 секунд. Товар: \(name).
            Кадр 1 (0–3 с): крупный план товара на чистом фоне, камера плавно приближается, мягкий свет подчёркивает форму и материал.
            Кадр 2 (3–7 с): товар в деле, живая обстановка, естественное движение; видно, чем он удобен.
            Кадр 3 (7–10 с): товар в центре кадра, фон размывается, спокойный финал. Вид товара точно как на фото, без надписей.
            """
            : """
            A commercial of 10 seconds. Product: \(name).
            Shot 1 (0–3 s): a close-up on a clean background, the camera moves in smoothly, soft light shows shape and material.
            Shot 2 (3–7 s): the product in use, a lively setting, natural motion; one sees what it is good for.
            Shot 3 (7–10 s): the product in the centre, the background blurs, a calm ending. It looks exactly as in the photo, without any lettering.
            """
        return text.unicodeScalars.count <= limit ?? .max ? text : product
    }

    /// Whether most letters are Cyrillic.
    static func isRussian(_ text: String) -> Bool {
        let letters = text.unicodeScalars.filter(\.properties.isAlphabetic)
        return letters.count { (0x400...0x4ff).contains($0.value) } * 2 > letters.count
    }

    private static func joined(_ text: String, _ more: String) -> String {
        let end = text.trimming { $0.isWhitespace || $0 == "," || $0 == "." }
        return end.isEmpty ? more : "\(end), \(more)"
    }
}

extension String {
    /// Without characters that fit at the end.
    fileprivate func trimming(_ fits: (Character) -> Bool) -> String {
        var rest = self[...]
        while let last = rest.last, fits(last) { rest.removeLast() }
        return String(rest)
    }
}
