internal import Contracts
internal import Cryptography

/// Reads one model file. `services/generation/models/README.md` says what its members mean.
package enum ModelFile {
    private static let members = [
        "number", "slug", "aliases", "title", "output", "tasks", "summary", "free", "typical_seconds",
        "promised_seconds", "hard_limit_seconds", "route", "inputs", "impossible", "fixed", "narrowed", "left_out",
        "price", "withheld", "spare_of", "follow_ups", "sample",
    ]

    /// - Throws: The first thing that is wrong, with its line.
    package static func read(_ bytes: [UInt8], file: String) throws(ModelFileError) -> ModelEntry {
        try FileField.read(bytes, file: file) { root throws(FieldComplaint) in
            let entry = try entry(root)
            try CatalogueCheck.check(entry)
            return entry
        }
    }

    private static func entry(_ root: FileField) throws(FieldComplaint) -> ModelEntry {
        try root.onlyMembers(members)
        var tasks: [ModelTask] = []
        for task in try root["tasks"].elements() { tasks.append(try task.word(ModelTask.self)) }
        var inputs: [InputFacts] = []
        for input in try root["inputs"].elements() { inputs.append(try InputFile.read(input)) }
        var impossible: [[String: JSONValue]] = []
        for rule in try root["impossible"].list() { impossible.append(try rule.members()) }
        return ModelEntry(
            number: Int(try root["number"].integer(1...99_999)),
            slug: try root["slug"].text(),
            aliases: try root["aliases"].textsIfPresent(),
            title: try root["title"].localized(),
            output: try root["output"].word(MediaKind.self),
            tasks: tasks,
            summary: try root["summary"].localized(),
            isFree: try root["free"].bool(),
            typicalSeconds: Int(try root["typical_seconds"].integer(1...3_600)),
            promisedSeconds: Int(try root["promised_seconds"].integer(1...7_200)),
            hardLimitSeconds: Int(try root["hard_limit_seconds"].integer(60...86_400)),
            route: try route(root["route"]),
            inputs: inputs,
            impossible: impossible,
            fixed: try root["fixed"].ifPresent { field throws(FieldComplaint) in try field.members() } ?? [:],
            price: try root["price"].ifPresent { field throws(FieldComplaint) in try PriceFile.read(field) },
            withheld: try root["withheld"].ifPresent { field throws(FieldComplaint) in try withheld(field) },
            spareOf: try root["spare_of"].ifPresent { field throws(FieldComplaint) in try field.text() },
            followUps: try root["follow_ups"].textsIfPresent(),
            sample: try sample(root["sample"]),
            requestFingerprint: RequestFingerprint.of(root)
        )
    }

    private static func route(_ field: FileField) throws(FieldComplaint) -> ProviderRoute {
        try field.onlyMembers(["family", "model", "create"])
        let family = try field["family"].ifPresent { field throws(FieldComplaint) in
            try field.word(ProviderFamily.self)
        }
        return ProviderRoute(
            family: family ?? .market,
            model: try field["model"].text(),
            create: try field["create"].text()
        )
    }

    private static func withheld(_ field: FileField) throws(FieldComplaint) -> ModelEntry.Withheld {
        try field.onlyMembers(["reason", "successor"])
        return ModelEntry.Withheld(
            reason: try field["reason"].localized(),
            successor: try field["successor"].ifPresent { field throws(FieldComplaint) in try field.text() }
        )
    }

    private static func sample(_ field: FileField) throws(FieldComplaint) -> ModelEntry.Sample {
        try field.onlyMembers(["inputs", "media"])
        return ModelEntry.Sample(
            inputs: try field["inputs"].members(),
            media: try field["media"].textsIfPresent()
        )
    }
}

/// Reads an element of `inputs`.
enum InputFile {
    private static let members = [
        "name", "kind", "label", "required", "advanced", "default", "options", "option_labels", "minimum", "maximum",
        "minimum_length", "maximum_length", "minimum_items", "maximum_items", "media", "accepts",
        "maximum_file_megabytes", "minimum_seconds", "maximum_seconds", "sends", "from",
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
        var labels: [LocalizedText] = []
        for label in try field["option_labels"].list() { labels.append(try label.localized()) }
        let minimumLength = try whole("minimum_length")
        let accepts = try field["accepts"].textsIfPresent()
        let seconds = (try whole("minimum_seconds"), try whole("maximum_seconds"))
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
            minimumLength: minimumLength,
            maximumLength: try whole("maximum_length"),
            minimumItems: try whole("minimum_items"),
            maximumItems: try whole("maximum_items"),
            media: try field["media"].ifPresent { field throws(FieldComplaint) in try field.word(MediaKind.self) },
            accepts: accepts.isEmpty ? nil : accepts,
            maximumFileMegabytes: try whole("maximum_file_megabytes"),
            minimumSeconds: seconds.0,
            maximumSeconds: seconds.1
        )
        return InputFacts(
            input: input,
            minimumLength: minimumLength,
            accepts: accepts,
            minimumSeconds: seconds.0,
            maximumSeconds: seconds.1,
            sends: try field["sends"].ifPresent { field throws(FieldComplaint) in
                try field.word(InputFacts.Sending.self)
            } ?? .address,
            from: try field["from"].textsIfPresent()
        )
    }
}

/// Reads `price`.
enum PriceFile {
    static func read(_ field: FileField) throws(FieldComplaint) -> PriceTable {
        try field.onlyMembers(["unit", "quantity", "bound", "source", "date", "rows", "surcharges"])
        var rows: [PriceRow] = []
        for row in try field["rows"].elements() {
            try row.onlyMembers(["name", "when", "millicredits", "bound"])
            rows.append(
                PriceRow(
                    name: try row["name"].text(),
                    when: try row["when"].members(),
                    millicredits: try row["millicredits"].integer(0...10_000_000),
                    bound: try row["bound"].ifPresent { field throws(FieldComplaint) in try field.text() }
                )
            )
        }
        var surcharges: [Surcharge] = []
        for extra in try field["surcharges"].list() {
            try extra.onlyMembers(["input", "beyond", "millicredits"])
            surcharges.append(
                Surcharge(
                    input: try extra["input"].text(),
                    beyond: Int(try extra["beyond"].integer(0...100)),
                    millicredits: try extra["millicredits"].integer(0...1_000_000)
                )
            )
        }
        return PriceTable(
            unit: try field["unit"].word(PriceUnit.self),
            quantity: try field["quantity"].textsIfPresent(),
            bound: try field["bound"].ifPresent { field throws(FieldComplaint) in try field.integer(1...100_000) },
            rows: rows,
            surcharges: surcharges,
            source: try field["source"].text(),
            date: try field["date"].text()
        )
    }
}

/// Tells requests apart by everything that decides them.
enum RequestFingerprint {
    /// Members of an input that users see or that only limit them.
    private static let shown: Set<String> = ["label", "option_labels", "advanced"]

    /// Sixteen hex digits; the same for files that differ only in texts, prices and limits of time.
    static func of(_ root: FileField) -> String {
        var hash = SHA256()
        for name in ["slug", "output", "route", "inputs", "impossible", "fixed", "sample"] {
            guard let value = root[name].value else { continue }
            hash.update(Array("\(name)=".utf8))
            hash.update(Array(canonical(value).utf8))
        }
        return String(Hex.encode(hash.finish()).prefix(16))
    }

    private static func canonical(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .number(let number): String(number)
        case .string(let text): "\(text.utf8.count):\(text)"
        case .array(let list): "[" + list.map(canonical).joined(separator: ",") + "]"
        case .object(let members):
            "{"
                + members.filter { !shown.contains($0.key) }.sorted { $0.key < $1.key }
                .map { "\($0.key):\(canonical($0.value))" }.joined(separator: ",") + "}"
        }
    }
}
