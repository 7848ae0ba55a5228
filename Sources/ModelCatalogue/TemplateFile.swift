package import Contracts

/// Reads one template file. `services/generation/templates/README.md` says what its members mean.
package enum TemplateFile {
    /// No slot takes more than this, in Unicode scalars.
    static let longestSlot: Int64 = 2_000
    /// No template makes a longer prompt: models take less than that.
    static let longestPrompt = 5_000

    /// - Throws: The first thing that is wrong, with its line.
    package static func read(_ bytes: [UInt8], file: String) throws(ModelFileError) -> Template {
        try FileField.read(bytes, file: file, template)
    }

    private static func template(_ root: FileField) throws(FieldComplaint) -> Template {
        try root.onlyMembers(["number", "slug", "title", "summary", "tasks", "text", "slots"])
        var tasks: [ModelTask] = []
        for task in try root["tasks"].elements() { tasks.append(try task.word(ModelTask.self)) }
        guard !tasks.isEmpty else { throw root["tasks"].complaint("must name a task") }
        var slots: [TemplateSlot] = []
        for slot in try root["slots"].elements() {
            let next = try read(slot)
            guard !slots.contains(where: { $0.name == next.name }) else {
                throw slot["name"].complaint("is the name of an earlier slot")
            }
            slots.append(next)
        }
        let template = Template(
            number: Int(try root["number"].integer(1...9_999)),
            slug: try root["slug"].text(),
            title: try root["title"].localized(),
            summary: try root["summary"].localized(),
            tasks: tasks,
            text: try root["text"].text(),
            slots: slots
        )
        try check(template, root)
        return template
    }

    private static func read(_ field: FileField) throws(FieldComplaint) -> TemplateSlot {
        try field.onlyMembers(["name", "label", "required", "maximum_length", "suggestions"])
        let name = try field["name"].text()
        guard name.utf8.allSatisfy({ $0 >= 97 && $0 <= 122 || $0 == 95 }) else {
            throw field["name"].complaint("must be small Latin letters and _")
        }
        let most = Int(try field["maximum_length"].integer(1...longestSlot))
        var suggestions: [LocalizedText] = []
        for suggestion in try field["suggestions"].list() {
            let text = try suggestion.localized()
            guard max(text.ru.unicodeScalars.count, text.en.unicodeScalars.count) <= min(most, 40) else {
                throw suggestion.complaint("must fit the slot and a button of 40 characters")
            }
            suggestions.append(text)
        }
        guard suggestions.count <= 8 else { throw field["suggestions"].complaint("must be at most 8") }
        return TemplateSlot(
            name: name,
            label: try field["label"].localized(),
            isRequired: try field["required"].bool(),
            maximumLength: most,
            suggestions: suggestions.isEmpty ? nil : suggestions
        )
    }

    /// The text and its slots go together.
    private static func check(_ template: Template, _ root: FileField) throws(FieldComplaint) {
        let text = root["text"]
        guard let names = template.slotNames else { throw text.complaint("has brackets that do not close, or nest") }
        let known = Set(template.slots.map(\.name))
        if let stranger = names.first(where: { !known.contains($0) }) {
            throw text.complaint("speaks of {\(stranger)}, which is no slot")
        }
        if let unused = template.slots.firstIndex(where: { !names.contains($0.name) }) {
            throw FileField(nil, path: root["slots"].path + [.element(unused)]).complaint(
                "is a slot that the text does not use"
            )
        }
        guard template.maximumLength <= longestPrompt else {
            throw text.complaint("can become longer than \(longestPrompt) characters with its slots full")
        }
        let isEmptyPossible = template.slots.allSatisfy { !$0.isRequired }
        if isEmptyPossible, (try? template.filled(with: [:]))?.isEmpty != false {
            throw text.complaint("is nothing when all slots are left empty")
        }
    }
}

/// All templates of a folder, and what was refused.
package struct TemplateShelf: Sendable, Equatable {
    /// By number, ascending.
    package let templates: [Template]
    package let refused: [ModelFileError]

    package static let empty = TemplateShelf(templates: [], refused: [])

    init(templates: [Template], refused: [ModelFileError]) {
        self.templates = templates.sorted { $0.number < $1.number }
        self.refused = refused
    }

    /// Reads a folder. A bad file, or one whose number or slug another has, is refused; the rest stays.
    ///
    /// - Parameter previous: What was read before: a file that is refused now keeps its old template.
    /// - Throws: If the folder can't be read.
    package static func load(_ directory: String, after previous: TemplateShelf = .empty) throws -> TemplateShelf {
        load(try CatalogueFile.all(in: directory), after: previous)
    }

    /// The same for files that were read already.
    package static func load(_ files: [CatalogueFile], after previous: TemplateShelf = .empty) -> TemplateShelf {
        var (templates, refused): ([Template], [ModelFileError]) = ([], [])
        for file in files {
            do throws(ModelFileError) {
                guard let bytes = file.bytes else {
                    throw ModelFileError(file: file.name, line: 0, field: "", reason: "can't be read")
                }
                let template = try TemplateFile.read(bytes, file: file.name)
                if templates.contains(where: { $0.number == template.number || $0.slug == template.slug }) {
                    throw ModelFileError(file: file.name, line: 0, field: "number", reason: "or slug is another file's")
                }
                templates.append(template)
            } catch {
                refused.append(error)
                // The file's name begins with the number of what it held.
                let number = Int(file.name.prefix { $0.isNumber })
                if let old = previous.templates.first(where: { $0.number == number }),
                    !templates.contains(where: { $0.number == old.number || $0.slug == old.slug })
                {
                    templates.append(old)
                }
            }
        }
        return TemplateShelf(templates: templates, refused: refused)
    }
}
