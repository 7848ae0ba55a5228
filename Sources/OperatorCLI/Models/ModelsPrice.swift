internal import Contracts
internal import LocalSystem
internal import ModelCatalogue

/// Says what a run costs, by the functions that quote and bill.
struct ModelsPrice: Sendable {
    let catalogue: Catalogue
    let pricing: Pricing

    func run(_ words: [String]) throws -> Int32 {
        guard let name = words.first else {
            Console.complain(ModelsCommand.usage)
            return 2
        }
        let entry = try catalogue.named(name)
        let (inputs, media) = try Self.choice(Array(words.dropFirst()), entry)
        switch InputValidation.check(entry, inputs: inputs, media: media) {
        case .failure(let problems):
            for problem in problems.list { Console.complain(Self.text(problem)) }
            return 1
        case .success(let run):
            guard entry.price != nil else { throw OperatorError("\(entry.slug) has no price.", "") }
            Console.say(try text(entry, run))
            return 0
        }
    }

    /// The sample's words, and on top what the operator chose.
    static func choice(_ words: [String], _ entry: ModelEntry) throws
        -> ([String: JSONValue], [String: [MediaReference]])
    {
        var inputs = entry.sample.inputs
        var media = entry.sampleMedia { kind, facts in reference(kind, facts, seconds: nil) }
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                throw OperatorError("\"\(word)\" is no input=value.", "Inputs of \(entry.slug): \(names(entry)).")
            }
            guard let facts = entry.input(parts[0]) else {
                throw OperatorError("\(entry.slug) has no input \(parts[0]).", "It has \(names(entry)).")
            }
            if let kind = facts.input.media {
                media[parts[0]] = try files(parts[1], kind, facts)
            } else {
                inputs[parts[0]] = value(parts[1], facts.input)
            }
        }
        return (inputs, media)
    }

    private static func names(_ entry: ModelEntry) -> String { entry.inputs.map(\.input.name).joined(separator: ", ") }

    private static func value(_ text: String, _ input: ModelInput) -> JSONValue {
        switch input.kind {
        case .boolean: text == "true" || text == "yes" ? true : text == "false" || text == "no" ? false : .string(text)
        case .integer: Int64(text).map { .integer($0) } ?? .string(text)
        case .number: Double(text).map { .number($0) } ?? .string(text)
        case .text, .choice, .file, .files: .string(text)
        }
    }

    /// `@` one file, `@3` three, `@12s` a clip of twelve seconds, empty for none.
    private static func files(_ text: String, _ kind: MediaKind, _ facts: InputFacts) throws -> [MediaReference] {
        if text.isEmpty { return [] }
        let rest = text.dropFirst()
        if text.hasPrefix("@"), rest.isEmpty { return [reference(kind, facts, seconds: nil)] }
        if text.hasPrefix("@"), rest.hasSuffix("s"), let seconds = Double(rest.dropLast()) {
            return [reference(kind, facts, seconds: seconds)]
        }
        guard text.hasPrefix("@"), let count = Int(rest), (1...100).contains(count) else {
            throw OperatorError(
                "\"\(text)\" is no file.",
                "Write @ for a file, @3 for three, @12s for a clip of 12 seconds."
            )
        }
        return (0..<count).map { _ in reference(kind, facts, seconds: nil) }
    }

    private static func reference(_ kind: MediaKind, _ facts: InputFacts, seconds: Double?) -> MediaReference {
        var file = MediaReference(kind: kind, durationSeconds: seconds)
        if facts.sends == .task { file.assetID = AssetID() } else { file.telegramFileID = "file" }
        return file
    }

    private func text(_ entry: ModelEntry, _ run: RunInputs) throws -> String {
        guard let cost = entry.price?.cost(of: run), let price = pricing.price(of: run, entry) else {
            throw OperatorError("\(entry.slug) has no price for this choice.", "")
        }
        let most = cost.isBound ? "at most " : ""
        let earned = price - pricing.costKopecks(cost.microdollars)
        var lines = [
            "\(entry.slug) \(cost.variant): \(most)\(Roubles.text(price)) for the user",
            "\(most)\(Roubles.dollars(cost.microdollars)) for us "
                + "(\(Roubles.text(pricing.costKopecks(cost.microdollars)))), earns \(Roubles.text(earned))",
        ]
        let deltas = pricing.deltas(of: entry, chosen: run)
        let rows = entry.inputs.map(\.input).compactMap { input -> [String]? in
            guard let changes = deltas[input.name] else { return nil }
            let options = input.alternatives.compactMap { option -> String? in
                let name = InputValidation.optionText(option)
                return changes[name].map { "\(name) \($0 > 0 ? "+" : "")\(Roubles.text($0))" }
            }
            return [input.name, options.joined(separator: "   ")]
        }
        if !rows.isEmpty { lines += ["", TextTable([["instead", "would cost"]] + rows).text] }
        return lines.joined(separator: "\n")
    }

    /// What is wrong with an input, for the operator.
    static func text(_ problem: InputProblem) -> String {
        let limit = problem.limit.map { Int64(exactly: $0).map { String($0) } ?? String($0) } ?? ""
        return switch problem.reason {
        case .missing: "\(problem.name): is missing"
        case .tooLong: "\(problem.name): is too long, \(limit) characters at most"
        case .tooShort: "\(problem.name): is too short, \(limit) characters at least"
        case .notAnOption: "\(problem.name): is none of the options"
        case .outOfRange: "\(problem.name): is out of range, the bound is \(limit)"
        case .wrongType: "\(problem.name): is of the wrong type"
        case .tooMany: "\(problem.name): too many files, \(limit) at most"
        case .tooFew: "\(problem.name): too few files, \(limit) at least"
        case .tooLarge: "\(problem.name): too large, \(limit) MB at most"
        case .wrongMedia: "\(problem.name): takes another kind of file"
        case .unknownInput: "\(problem.name): is no input"
        case .notTogether: "\(problem.name): does not go with \(problem.with ?? "another input")"
        case .tooLongClip: "\(problem.name): plays too long, \(limit) s at most"
        case .tooShortClip: "\(problem.name): plays too short, \(limit) s at least"
        }
    }
}
