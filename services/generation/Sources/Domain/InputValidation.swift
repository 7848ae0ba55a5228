internal import Contracts

/// What a run is made with, after defaults were filled in.
struct RunInputs: Sendable, Equatable, Codable {
    var values: [String: JSONValue]
    var media: [String: [MediaReference]]

    /// The user's words, from whichever input takes them.
    var prompt: String? { values["prompt"]?.string ?? values["text"]?.string }
}

/// Checks what a user chose against a model's facts, before any money is touched.
enum InputValidation {
    /// - Returns: The inputs with defaults, or everything that is wrong with them.
    static func check(
        _ entry: ModelEntry,
        inputs: [String: JSONValue],
        media: [String: [MediaReference]]
    ) -> Result<RunInputs, InputProblems> {
        var run = RunInputs(values: [:], media: [:])
        var problems: [InputProblem] = []
        for facts in entry.inputs {
            let name = facts.input.name
            if facts.input.kind == .file || facts.input.kind == .files {
                let files = media[name] ?? []
                if let problem = problem(with: files, for: facts) { problems.append(problem) }
                if !files.isEmpty { run.media[name] = files }
                if inputs[name] != nil { problems.append(InputProblem(name: name, reason: .wrongType)) }
                continue
            }
            let given = inputs[name].flatMap { isAbsent($0) ? nil : canonical($0, for: facts.input) }
            guard let value = given ?? facts.input.defaultValue else {
                if facts.input.isRequired { problems.append(InputProblem(name: name, reason: .missing)) }
                continue
            }
            if let problem = problem(with: value, for: facts) { problems.append(problem) }
            run.values[name] = value
        }
        let known = Set(entry.inputs.map(\.input.name))
        for name in Set(inputs.keys).union(media.keys).subtracting(known).sorted() {
            problems.append(InputProblem(name: name, reason: .unknownInput))
        }
        return problems.isEmpty ? .success(run) : .failure(InputProblems(list: problems))
    }

    /// What is wrong with a value that is not a file; nil if it may be sent.
    static func problem(with value: JSONValue, for facts: InputFacts) -> InputProblem? {
        let input = facts.input
        func wrong(_ reason: InputProblem.Reason, _ limit: Double? = nil) -> InputProblem {
            InputProblem(name: input.name, reason: reason, limit: limit)
        }
        switch input.kind {
        case .text:
            guard let text = value.string else { return wrong(.wrongType) }
            let length = text.unicodeScalars.count
            if let most = input.maximumLength, length > most { return wrong(.tooLong, Double(most)) }
            if let least = facts.minimumLength, length < least { return wrong(.tooShort, Double(least)) }
        case .choice:
            if !input.options.contains(value) { return wrong(.notAnOption) }
        case .integer, .number:
            guard let number = value.number, input.kind == .number || value.integer != nil else {
                return wrong(.wrongType)
            }
            if let least = input.minimum, number < least { return wrong(.outOfRange, least) }
            if let most = input.maximum, number > most { return wrong(.outOfRange, most) }
        case .boolean:
            if value.bool == nil { return wrong(.wrongType) }
        case .file, .files:
            return wrong(.wrongType)
        }
        return nil
    }

    private static func problem(with files: [MediaReference], for facts: InputFacts) -> InputProblem? {
        let input = facts.input
        let most = input.kind == .file ? 1 : input.maximumItems ?? 1
        let least = max(input.isRequired ? 1 : 0, files.isEmpty ? 0 : input.minimumItems ?? 0)
        func wrong(_ reason: InputProblem.Reason, _ limit: Double? = nil) -> InputProblem {
            InputProblem(name: input.name, reason: reason, limit: limit)
        }
        if files.isEmpty && input.isRequired { return wrong(.missing) }
        if files.count < least { return wrong(.tooFew, Double(least)) }
        if files.count > most { return wrong(.tooMany, Double(most)) }
        for file in files {
            guard (file.telegramFileID == nil) != (file.assetID == nil), file.kind == input.media,
                accepts(file.mimeType, facts.accepts)
            else { return wrong(.wrongMedia) }
            if let megabytes = input.maximumFileMegabytes, let size = file.sizeBytes, size > Int64(megabytes) << 20 {
                return wrong(.tooLarge, Double(megabytes))
            }
        }
        return nil
    }

    /// An unknown type is looked at when the bytes are there.
    private static func accepts(_ mimeType: String?, _ endings: [String]) -> Bool {
        guard let mimeType, !endings.isEmpty else { return true }
        let subtype = mimeType.lowercased().split(separator: "/").last.map(String.init) ?? ""
        return endings.contains(subtype == "jpeg" ? "jpg" : subtype) || endings.contains(subtype)
    }

    private static func isAbsent(_ value: JSONValue) -> Bool {
        if case .null = value { return true }
        return value.string?.allSatisfy(\.isWhitespace) ?? false
    }

    /// The option that a value means: buttons may carry `6` where the provider wants `"6"`.
    private static func canonical(_ value: JSONValue, for input: ModelInput) -> JSONValue {
        switch input.kind {
        case .choice where !input.options.contains(value):
            input.options.first { optionText($0) == optionText(value) } ?? value
        case .integer: value.integer.map { .integer($0) } ?? value
        default: value
        }
    }

    /// An option as text: the key of price differences.
    static func optionText(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .integer(let number): String(number)
        case .number(let number): Int64(exactly: number).map { String($0) } ?? String(number)
        case .bool(let flag): flag ? "true" : "false"
        case .null, .array, .object: ""
        }
    }
}

/// Everything that is wrong with a user's choice.
struct InputProblems: Error, Equatable {
    var list: [InputProblem]

    /// The answer to the caller.
    var problem: Problem {
        let fields = list.map { item -> JSONValue in
            var member: [String: JSONValue] = ["name": .string(item.name), "reason": .string(item.reason.rawValue)]
            if let limit = item.limit { member["limit"] = Int64(exactly: limit).map { .integer($0) } ?? .number(limit) }
            return .object(member)
        }
        return Problem(.invalidInputs, "the model does not take these inputs", members: ["fields": .array(fields)])
    }
}
