import Contracts
import Foundation
import ModelCatalogue
import ServiceKit
import TestSupport
import Testing

@testable import GenerationService

/// Prompts with slots: the operator's files, what is refused, and what comes of filling them.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct TemplateTests {
    private static let folder = "\(Repository.root)/services/generation/templates"

    private static func file(_ change: (inout [String: JSONValue]) -> Void = { _ in }) -> [UInt8] {
        var root: [String: JSONValue] = [
            "number": 7, "slug": "seven", "title": ["ru": "Семь", "en": "Seven"],
            "summary": ["ru": "Что-то", "en": "Something"], "tasks": ["text_to_image"],
            "text": "Вот {product}.[ Стиль: {style}.]",
            "slots": [
                [
                    "name": "product", "label": ["ru": "Товар", "en": "Product"], "required": true,
                    "maximum_length": 20,
                ],
                ["name": "style", "label": ["ru": "Стиль", "en": "Style"], "required": false, "maximum_length": 10],
            ],
        ]
        change(&root)
        return (try? ContractJSON.encode(JSONValue.object(root))) ?? []
    }

    private func template() throws -> Template { try TemplateFile.read(Self.file(), file: "007.json") }

    @Test func `slots are filled, and an empty one takes its piece along`() throws {
        let template = try template()
        #expect(try template.filled(with: ["product": "чай", "style": "модерн"]) == "Вот чай. Стиль: модерн.")
        #expect(try template.filled(with: ["product": "  чай \n"]) == "Вот чай.")
        #expect(try template.filled(with: ["product": "{style} [x]", "style": "а"]) == "Вот {style} [x]. Стиль: а.")
    }

    @Test func `what is missing, too long or unknown is named`() throws {
        let template = try template()
        #expect {
            try template.filled(with: ["style": "больше десяти знаков", "colour": "red"])
        } throws: { error in
            (error as? TemplateProblems)?.list == [
                InputProblem(name: "product", reason: .missing),
                InputProblem(name: "style", reason: .tooLong, limit: 10),
                InputProblem(name: "colour", reason: .unknownInput),
            ]
        }
    }

    @Test func `full slots make the longest prompt and no longer`() throws {
        let template = try template()
        let full = ["product": String(repeating: "д", count: 20), "style": String(repeating: "д", count: 10)]
        let longest = try template.filled(with: full).unicodeScalars.count
        // The two brackets are counted and never written.
        #expect(longest + 2 == template.maximumLength)
    }

    static let damages: [(name: String, change: @Sendable (inout [String: JSONValue]) -> Void, reason: String)] = [
        ("stranger", { $0["colour"] = "red" }, "is not a known member"),
        ("no task", { $0["tasks"] = [] }, "must name a task"),
        ("unknown slot", { $0["text"] = "{product} {style} {colour}" }, "speaks of {colour}, which is no slot"),
        ("unused slot", { $0["text"] = "{product}" }, "is a slot that the text does not use"),
        ("open bracket", { $0["text"] = "{product} [{style}" }, "has brackets that do not close, or nest"),
        ("no number", { $0["number"] = 0 }, "must be a whole number from 1 to 9999"),
    ]

    @Test(arguments: damages.indices)
    func `a bad file is refused with its reason`(index: Int) {
        let damage = Self.damages[index]
        #expect {
            try TemplateFile.read(Self.file(damage.change), file: "007.json")
        } throws: { ($0 as? ModelFileError)?.reason == damage.reason }
    }

    @Test func `a bad file leaves its old template, and a number is one template's`() {
        let good = TemplateShelf.load([CatalogueFile(name: "007-seven.json", bytes: Self.file())])
        #expect(good.templates.map(\.slug) == ["seven"] && good.refused.isEmpty)
        let broken = TemplateShelf.load([CatalogueFile(name: "007-seven.json", bytes: [1])], after: good)
        #expect(broken.templates == good.templates && broken.refused.count == 1)
        let twice = TemplateShelf.load(
            [
                CatalogueFile(name: "007-seven.json", bytes: Self.file()),
                CatalogueFile(name: "008-seven.json", bytes: Self.file { $0["slug"] = "other" }),
            ]
        )
        #expect(twice.templates.count == 1 && twice.refused.map(\.file) == ["008-seven.json"])
    }

    @Test func `every template of the repository is right, and the schema knows its members`() throws {
        let shelf = try TemplateShelf.load(Self.folder)
        #expect(shelf.refused.isEmpty && shelf.templates.count >= 6)
        let data = try Data(contentsOf: URL(filePath: "\(Self.folder)/template.schema.json"))
        let schema = try ContractJSON.decode(JSONValue.self, from: data)
        let members = Set((schema["properties"]?.object ?? [:]).keys)
        let file = try ContractJSON.decode(JSONValue.self, from: Self.file())
        #expect(members == Set((file.object ?? [:]).keys))
        let tasks = schema["properties"]?["tasks"]?["items"]?["enum"]?.array?.compactMap(\.string) ?? []
        #expect(Set(tasks) == Set(ModelTask.allCases.map(\.rawValue)).subtracting(["other"]))
    }

    @Test func `templates are listed, and a changed file is taken up`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/templates-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(Self.file()).write(to: URL(filePath: "\(folder)/007-seven.json"))
        try await Bench.run(["ATELIER_TEMPLATES": folder, "ATELIER_MODEL_RELOAD": "50ms"]) { bench in
            func list() async throws -> ListTemplates.Output { try await bench.conversation.call(ListTemplates.self) }
            try await eventually("no template") { try await list().templates.map(\.number) == [7] }
            let revision = try await list().revision
            let changed = Self.file { $0["text"] = "Только {product} и {style}" }
            try Data(changed).write(to: URL(filePath: "\(folder)/007-seven.json"))
            try await eventually("the change is not seen") { try await list().revision != revision }
            try Data([1]).write(to: URL(filePath: "\(folder)/007-seven.json"))
            try Data(Self.file { ($0["number"], $0["slug"]) = (8, "eight") }).write(
                to: URL(filePath: "\(folder)/008-eight.json")
            )
            try await eventually("the new one is not there") { try await list().templates.count == 2 }
            #expect(try await list().templates[0].text.hasPrefix("Только"), "a bad file leaves its old template")
        }
    }
}
