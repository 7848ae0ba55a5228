internal import Contracts
internal import Foundation

/// Reads one model file. `models/README.md` says what its members mean.
enum ModelFile {
    private static let members = [
        "number", "slug", "title", "output", "tasks", "summary", "free", "typical_seconds", "hard_limit_seconds",
        "route", "inputs", "fixed", "narrowed", "left_out", "price",
    ]

    /// - Throws: The first thing that is wrong, with its line.
    static func read(_ bytes: [UInt8], file: String) throws(ModelFileError) -> ModelEntry {
        let root: JSONValue
        do {
            root = try ContractJSON.decode(JSONValue.self, from: bytes)
        } catch {
            throw ModelFileError(file: file, line: syntaxLine(bytes), field: "", reason: "is not JSON")
        }
        do throws(FieldComplaint) {
            let entry = try entry(FileField(root))
            try CatalogueCheck.check(entry)
            return entry
        } catch {
            let line = JSONLocator(bytes).line(of: error.path)
            throw ModelFileError(file: file, line: line, field: FileField.name(of: error.path), reason: error.reason)
        }
    }

    private static func entry(_ root: FileField) throws(FieldComplaint) -> ModelEntry {
        try root.onlyMembers(members)
        try root["route"].onlyMembers(["model", "create"])
        var tasks: [ModelTask] = []
        for task in try root["tasks"].elements() { tasks.append(try task.word(ModelTask.self)) }
        var inputs: [InputFacts] = []
        for input in try root["inputs"].elements() { inputs.append(try InputFile.read(input)) }
        return ModelEntry(
            number: Int(try root["number"].integer(1...99_999)),
            slug: try root["slug"].text(),
            title: try root["title"].text(),
            output: try root["output"].word(MediaKind.self),
            tasks: tasks,
            summary: try root["summary"].localized(),
            isFree: try root["free"].bool(),
            typicalSeconds: Int(try root["typical_seconds"].integer(1...3_600)),
            hardLimitSeconds: Int(try root["hard_limit_seconds"].integer(60...86_400)),
            providerModel: try root["route"]["model"].text(),
            createPath: try root["route"]["create"].text(),
            inputs: inputs,
            fixed: try root["fixed"].ifPresent { field throws(FieldComplaint) in try field.members() } ?? [:],
            price: try PriceFile.read(root["price"])
        )
    }

    /// Foundation tells the place of a syntax error, though only inside a sentence.
    private static func syntaxLine(_ bytes: [UInt8]) -> Int {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes))
            return 0
        } catch {
            let text = String(describing: error)
            guard let mark = text.firstRange(of: "line ") else { return 0 }
            return Int(text[mark.upperBound...].prefix { $0.isNumber }) ?? 0
        }
    }
}

/// Reads an element of `inputs`.
enum InputFile {
    private static let members = [
        "name", "kind", "label", "required", "advanced", "default", "options", "option_labels", "minimum", "maximum",
        "minimum_length", "maximum_length", "minimum_items", "maximum_items", "media", "accepts",
        "maximum_file_megabytes",
    ]

    private enum Kind: String, CaseIterable {
        case text, choice, integer, number, boolean, file, files
    }

    static func read(_ field: FileField) throws(FieldComplaint) -> InputFacts {
        try field.onlyMembers(members)
        let kind = try field["kind"].word(Kind.self)
        guard let published = ModelInput.Kind(rawValue: kind.rawValue) else {
            throw field["kind"].complaint("is unknown")
        }
        func whole(_ name: String) throws(FieldComplaint) -> Int? {
            try field[name].ifPresent { field throws(FieldComplaint) in Int(try field.integer(0...1_000_000)) }
        }
        func number(_ name: String) throws(FieldComplaint) -> Double? {
            try field[name].ifPresent { field throws(FieldComplaint) in try field.number() }
        }
        var accepts: [String] = []
        for ending in try field["accepts"].ifPresent({ field throws(FieldComplaint) in try field.elements() }) ?? [] {
            accepts.append(try ending.text())
        }
        var labels: [LocalizedText] = []
        for label in try field["option_labels"].ifPresent({ field throws(FieldComplaint) in try field.elements() })
            ?? []
        {
            labels.append(try label.localized())
        }
        let input = ModelInput(
            name: try field["name"].text(),
            kind: published,
            label: try field["label"].localized(),
            isRequired: try field["required"].bool(),
            isAdvanced: try field["advanced"].ifPresent { field throws(FieldComplaint) in try field.bool() } ?? false,
            defaultValue: field["default"].value,
            options: field["options"].value?.array ?? [],
            optionLabels: labels.isEmpty ? nil : labels,
            minimum: try number("minimum"),
            maximum: try number("maximum"),
            maximumLength: try whole("maximum_length"),
            minimumItems: try whole("minimum_items"),
            maximumItems: try whole("maximum_items"),
            media: try field["media"].ifPresent { field throws(FieldComplaint) in try field.word(MediaKind.self) },
            maximumFileMegabytes: try whole("maximum_file_megabytes")
        )
        return InputFacts(input: input, minimumLength: try whole("minimum_length"), accepts: accepts)
    }
}

/// Reads `price`.
enum PriceFile {
    static func read(_ field: FileField) throws(FieldComplaint) -> PriceTable {
        try field.onlyMembers(["unit", "quantity", "source", "date", "rows"])
        var rows: [PriceRow] = []
        for row in try field["rows"].elements() {
            try row.onlyMembers(["name", "when", "millicredits"])
            rows.append(
                PriceRow(
                    name: try row["name"].text(),
                    when: try row["when"].members(),
                    millicredits: try row["millicredits"].integer(0...10_000_000)
                )
            )
        }
        return PriceTable(
            unit: try field["unit"].word(PriceUnit.self),
            quantityInput: try field["quantity"].ifPresent { field throws(FieldComplaint) in try field.text() },
            rows: rows,
            source: try field["source"].text(),
            date: try field["date"].text()
        )
    }
}
