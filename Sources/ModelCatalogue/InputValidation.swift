package import Contracts

/// Checks what a user chose against a model's facts, before any money is touched.
package enum InputValidation {
    /// - Returns: The inputs with defaults, or everything that is wrong with them.
    package static func check(
        _ entry: ModelEntry,
        inputs: [String: JSONValue],
        media: [String: [MediaReference]]
    ) -> Result<RunInputs, InputProblems> {
        var run = RunInputs()
        var problems: [InputProblem] = []
        for facts in entry.inputs {
            let name = facts.input.name
            if facts.input.kind == .file || facts.input.kind == .files {
                let files = media[name] ?? []
                if let problem = FileValidation.problem(with: files, for: facts) { problems.append(problem) }
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
        if problems.isEmpty { problems = problemsTogether(run, entry) }
        return problems.isEmpty ? .success(run) : .failure(InputProblems(list: problems))
    }

    /// What is wrong with values that are each right.
    static func problemsTogether(_ run: RunInputs, _ entry: ModelEntry) -> [InputProblem] {
        if let combination = entry.impossible(run) {
            // Named in the order in which they were asked, so that the last choice is the one to change.
            let names = entry.inputs.map(\.input.name).filter { combination[$0] != nil }
            guard let name = names.last else { return [] }
            // A lone condition asks for what is not given.
            if names.count == 1 || combination[name] == false {
                return [InputProblem(name: name, reason: .missing)]
            }
            let missing = names.first { combination[$0] == false }
            if let missing { return [InputProblem(name: missing, reason: .missing)] }
            return [InputProblem(name: name, reason: .notTogether, with: names.dropLast().last)]
        }
        guard let price = entry.price, let bound = price.bound, let units = price.units(of: run), units.count > bound
        else { return [] }
        let name = price.quantity.last { run.has($0) } ?? price.quantity[0]
        return [InputProblem(name: name, reason: .tooLongClip, limit: Double(bound))]
    }

    /// What is wrong with a value that is not a file; nil if it may be sent.
    package static func problem(with value: JSONValue, for facts: InputFacts) -> InputProblem? {
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
            guard let number = value.number, number.isFinite, input.kind == .number || value.integer != nil else {
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
    package static func optionText(_ value: JSONValue) -> String {
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
package struct InputProblems: Error, Equatable {
    package var list: [InputProblem]

    package init(list: [InputProblem]) {
        self.list = list
    }

    /// The answer to the caller.
    package var problem: Problem {
        let fields = list.map { item -> JSONValue in
            var member: [String: JSONValue] = ["name": .string(item.name), "reason": .string(item.reason.rawValue)]
            if let limit = item.limit { member["limit"] = Int64(exactly: limit).map { .integer($0) } ?? .number(limit) }
            if let other = item.with { member["with"] = .string(other) }
            return .object(member)
        }
        return Problem(.invalidInputs, "the model does not take these inputs", members: ["fields": .array(fields)])
    }
}
