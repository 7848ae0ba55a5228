internal import Contracts
internal import Foundation
internal import Time

extension Texts {
    /// `12,50 ₽`, `1 200 ₽` in Russian; `12.50 ₽`, `1,200 ₽` in English. The parts never break across lines.
    func money(_ kopecks: Int64) -> String {
        let magnitude = kopecks.magnitude
        var digits = String(magnitude / 100)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits = String(digits.dropLast(3))
        }
        groups.insert(digits, at: 0)
        let isRussian = language == .russian
        var text = groups.joined(separator: isRussian ? "\u{A0}" : ",")
        let rest = magnitude % 100
        if rest != 0 { text += (isRussian ? "," : ".") + (rest < 10 ? "0" : "") + String(rest) }
        return (kopecks < 0 ? "−" : "") + text + "\u{A0}₽"
    }

    /// A price tag: free, or the sum.
    func price(_ kopecks: Int64) -> String { kopecks == 0 ? plain(.free) : money(kopecks) }

    /// A price list's tag: free, or "from" the cheapest.
    func title(of model: Model) -> String { model.titles.map { text($0) } ?? model.title }

    /// A price, or the most that a run can cost.
    func price(_ frozen: FrozenPrice) -> String {
        guard frozen.isBound == true else { return price(frozen.kopecks) }
        return plain(.priceUpTo, ["price": money(frozen.kopecks)])
    }

    func priceFrom(_ model: Model) -> String {
        model.isFree || model.fromKopecks == 0
            ? plain(.free) : plain(.priceFrom, ["price": money(model.fromKopecks)])
    }

    /// `20 с`, `3 мин`: how long something usually takes, rounded so that it promises nothing too exact.
    func duration(seconds: Int) -> String {
        if seconds < 60 { return plain(.seconds, ["n": String(max(5, (seconds + 4) / 5 * 5))]) }
        return plain(.minutes, ["n": String((seconds + 30) / 60)])
    }

    /// `21.11 14:05`, in Moscow time: the bot sells in roubles.
    func date(_ time: Timestamp) -> String {
        let moscow = (time + .seconds(3 * 3_600)).description
        let parts = moscow.split(whereSeparator: { "-T:.Z".contains($0) })
        guard parts.count >= 5 else { return moscow }
        return "\(parts[2]).\(parts[1]) \(parts[3]):\(parts[4])"
    }

    func text(_ localized: LocalizedText) -> String {
        switch language {
        case .russian: localized.ru.isEmpty ? localized.en : localized.ru
        case .english: localized.en.isEmpty ? localized.ru : localized.en
        }
    }

    func name(of input: ModelInput) -> String { text(input.label) }

    /// A chosen value as people read it.
    func display(_ value: JSONValue) -> String {
        if let flag = value.bool { return plain(flag ? .yes : .no) }
        return Self.value(value)
    }

    /// A chosen value of an input, by its label where the catalogue has one.
    func display(_ value: JSONValue, of input: ModelInput) -> String {
        guard let labels = input.optionLabels, let index = input.options.firstIndex(of: value),
            labels.indices.contains(index)
        else { return display(value) }
        return text(labels[index])
    }

    /// A value in no language: options are the provider's own words.
    static func value(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .integer(let number): String(number)
        case .number(let number):
            Int64(exactly: number).map { String($0) } ?? String(format: "%.2f", number).trimmingZeros()
        case .bool(let flag): flag ? "true" : "false"
        case .null, .array, .object: ""
        }
    }

    /// The form of a word that goes with a number.
    func plural(_ noun: Noun, _ count: Int) -> String {
        let forms = Self.forms(of: noun, in: language)
        let index: Int
        switch language {
        case .english: index = count == 1 ? 0 : 1
        case .russian:
            let tail = count.magnitude % 100
            switch (tail, tail % 10) {
            case (11...14, _): index = 2
            case (_, 1): index = 0
            case (_, 2...4): index = 1
            default: index = 2
            }
        }
        return "\(count)\u{A0}\(forms[min(index, forms.count - 1)])"
    }

    /// The bound that a value is beyond; of a text with its unit.
    func limit(_ bound: Double, of reason: InputProblem.Reason?) -> String {
        let count = Int(exactly: bound)
        return switch (reason, count) {
        case (.tooLong, let count?): plural(.character, count)
        case (.tooShort, let count?): plural(.characterBound, count)
        default: Self.value(.number(bound))
        }
    }

    func title(of task: ModelTask) -> String {
        switch task {
        case .textToImage: plain(.taskTextToImage)
        case .imageToImage: plain(.taskImageToImage)
        case .textToVideo: plain(.taskTextToVideo)
        case .imageToVideo: plain(.taskImageToVideo)
        case .videoToVideo: plain(.taskVideoToVideo)
        case .avatar: plain(.taskAvatar)
        case .music: plain(.taskMusic)
        case .speech: plain(.taskSpeech)
        case .sound: plain(.taskSound)
        case .upscale: plain(.taskUpscale)
        case .cleanUp: plain(.taskCleanUp)
        case .utility: plain(.taskUtility)
        case .referenceToVideo: plain(.taskReferenceToVideo)
        case .transcription: plain(.taskTranscription)
        case .other: plain(.taskOther)
        }
    }
}

extension String {
    fileprivate func trimmingZeros() -> String {
        var text = self
        while text.hasSuffix("0") { text.removeLast() }
        return text
    }
}

/// Words that are counted.
enum Noun: CaseIterable, Sendable {
    case job, picture, file, character
    /// What a sum is enough for: in Russian the case after «на».
    case pictureWanted
    /// A bound of a text's length: in Russian the case after «до» and «от».
    case characterBound
}
