import Contracts
import Foundation
import TestSupport
import Testing

@testable import GenerationService

struct CatalogueTests {
    private static let folder = "\(Repository.root)/services/generation"

    private static func catalogue() throws -> Catalogue { try Catalogue.load("\(folder)/models") }

    /// A model file that is right, to be made wrong.
    private static let good = """
        {
          "number": 1, "slug": "a/b", "title": "A", "output": "image", "tasks": ["text_to_image"],
          "summary": {"ru": "а", "en": "a"}, "free": false, "typical_seconds": 10, "hard_limit_seconds": 600,
          "route": {"model": "a/b", "create": "/api/v1/jobs/createTask"},
          "inputs": [
            {"name": "prompt", "kind": "text", "label": {"ru": "а", "en": "a"}, "required": true, "maximum_length": 10},
            {"name": "size", "kind": "choice", "label": {"ru": "а", "en": "a"}, "required": false, "default": "1K",
             "options": ["1K", "2K"]}
          ],
          "price": {"unit": "image", "source": "list", "date": "2026-09", "rows": [
            {"name": "1K", "when": {"size": "1K"}, "millicredits": 800},
            {"name": "2K", "when": {"size": "2K"}, "millicredits": 1600}
          ]}
        }
        """

    private static func refusal(of text: String) -> ModelFileError? {
        Catalogue.load([("bad.json", Data(text.utf8))]).refused.first
    }

    @Test func `every shipped file is accepted and there is a model for each promised task`() throws {
        let catalogue = try Self.catalogue()
        #expect(catalogue.refused.map(\.text) == [])
        #expect(catalogue.entries.count >= 14)
        let tasks = Set(catalogue.entries.flatMap(\.tasks))
        #expect(tasks.isSuperset(of: [.textToImage, .imageToImage, .textToVideo, .imageToVideo, .speech, .upscale]))
        let free = catalogue.entries.filter(\.isFree).map(\.slug)
        #expect(free == ["z-image", "qwen/text-to-image", "qwen/image-to-image", "qwen/image-edit"])
    }

    @Test(
        "a mistake is refused with its line, member and reason",
        arguments: [
            ("\"number\": 1,", "\"number\": 0,", 2, "number", "must be a whole number from 1 to 99999"),
            ("\"number\": 1,", "\"nummer\": 1,", 2, "nummer", "is not a known member"),
            ("\"output\": \"image\"", "\"output\": \"smell\"", 2, "output", "must be one of image, video, audio, text"),
            ("[\"text_to_image\"]", "[\"cook\"]", 2, "tasks[0]", "must be one of"),
            ("\"kind\": \"text\"", "\"kind\": \"words\"", 6, "inputs[0].kind", "must be one of"),
            (", \"maximum_length\": 10", "", 6, "inputs[0].maximum_length", "is needed for text"),
            (
                "\"default\": \"1K\"", "\"default\": \"9K\"", 7, "inputs[1].default",
                "is not a value that the input takes"
            ),
            ("\"name\": \"size\"", "\"name\": \"prompt\"", 7, "inputs[1].name", "is used twice"),
            ("[\"1K\", \"2K\"]", "[\"1K\", \"2K\", \"4K\"]", 10, "price.rows", "have no price for size=4K"),
            ("{\"size\": \"2K\"}", "{\"size\": \"3K\"}", 12, "price.rows[1].when.size", "is not a value"),
            ("1600", "16.5", 12, "price.rows[1].millicredits", "must be a whole number"),
            ("\"unit\": \"image\"", "\"unit\": \"megapixel\"", 10, "price.unit", "can't be sold"),
            ("\"unit\": \"image\"", "\"unit\": \"second\"", 10, "price.quantity", "must name an input"),
            ("\"free\": false", "\"free\": \"no\"", 3, "free", "must be true or false"),
        ]
    )
    func refusesMistakes(_ right: String, _ wrong: String, _ line: Int, _ field: String, _ reason: String) throws {
        #expect(Self.refusal(of: Self.good) == nil)
        let error = try #require(Self.refusal(of: Self.good.replacing(right, with: wrong, maxReplacements: 1)))
        #expect(error.field == field)
        #expect(error.reason.contains(reason))
        #expect(error.line == line)
    }

    @Test func `text that is not JSON is refused and the other models stay`() throws {
        let good = try #require("\(Self.good)".data(using: .utf8))
        let catalogue = Catalogue.load([
            ("good.json", good), ("bad.json", Data("{\n\"number\": 2,\n]".utf8)), ("gone.json", nil),
        ])
        #expect(catalogue.entries.map(\.slug) == ["a/b"])
        #expect(catalogue.refused.map(\.file) == ["bad.json", "gone.json"])
        #expect(catalogue.refused[0].reason == "is not JSON")
    }

    @Test func `a number that another model has is refused`() throws {
        let good = try #require("\(Self.good)".data(using: .utf8))
        let catalogue = Catalogue.load([("one.json", good), ("two.json", good)])
        #expect(catalogue.entries.count == 1 && catalogue.refused.count == 1)
    }

    @Test func `hidden models are not listed and the revision tells`() throws {
        let catalogue = try Self.catalogue()
        let pricing = Pricing(kopecksPerDollar: 9_200, markupThousandths: 2_000, minimumMarginKopecks: 50)
        let all = catalogue.published(pricing) { _ in false }
        let some = catalogue.published(pricing) { $0.number == 1 }
        #expect(all.models.count == some.models.count + 1 && all.revision != some.revision)
        #expect(all.models.first?.fromKopecks == 0 && all.models.first?.isFree == true)
        let seedance = try #require(all.models.first { $0.slug == "bytedance/seedance-1.5-pro" })
        #expect(seedance.fromKopecks == 700, "four silent seconds of 480p")
        #expect(Set(all.models.map(\.priceUnit)).isSubset(of: ["image", "second", "1000_characters", "request"]))
    }
}

/// The model files against the provider's documentation as it was read; `TestData/provider-facts.json` says what it said.
struct ProviderFactsTests {
    private struct Fact: Decodable {
        struct Field: Decodable {
            var name: String
            var type: String
            var required: Bool?
            var `default`: JSONValue?
            var `enum`: [JSONValue]?
            var min: Double?
            var max: Double?
            var min_length: Int?
            var max_length: Int?
            var min_items: Int?
            var max_items: Int?
            var max_file_mb: Int?
            var accept: [String]?
        }

        struct Price: Decodable {
            var when: [String: JSONValue]
            var credits: Double
        }

        var model: String
        var output: String
        var per: String
        var inputs: [Field]
        var prices: [Price]
    }

    private struct File: Decodable {
        struct Price: Decodable { var rows: [JSONValue] }
        var slug: String
        var narrowed: [String: String]?
        var left_out: [String: String]?
    }

    private static let folder = "\(Repository.root)/services/generation"

    private static func facts() throws -> [String: Fact] {
        let data = try #require(FileManager.default.contents(atPath: "\(folder)/TestData/provider-facts.json"))
        let list = try JSONDecoder().decode([Fact].self, from: data)
        return Dictionary(list.map { ($0.model, $0) }) { first, _ in first }
    }

    private static func files() throws -> [String: File] {
        var files: [String: File] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/models")
        where name.first?.isNumber == true {
            let data = try #require(FileManager.default.contents(atPath: "\(folder)/models/\(name)"))
            let file = try JSONDecoder().decode(File.self, from: data)
            files[file.slug] = file
        }
        return files
    }

    @Test func `every member of every model's input is asked, fixed or left out for a reason`() throws {
        let (facts, files) = (try Self.facts(), try Self.files())
        for entry in try Catalogue.load("\(Self.folder)/models").entries {
            let fact = try #require(facts[entry.providerModel], "\(entry.slug) has no facts")
            let left = Set(files[entry.slug]?.left_out?.keys.map { $0 } ?? [])
            let ours = Set(entry.inputs.map(\.input.name)).union(entry.fixed.keys).union(left)
            #expect(ours == Set(fact.inputs.map(\.name)), "\(entry.slug)")
            #expect(entry.output.rawValue == fact.output, "\(entry.slug)")
            let needed = Set(fact.inputs.filter { $0.required == true }.map(\.name))
            #expect(needed.isDisjoint(with: left), "\(entry.slug) leaves out what is required")
        }
    }

    @Test func `every asked input has the provider's limits, or narrower ones for a reason`() throws {
        let (facts, files) = (try Self.facts(), try Self.files())
        for entry in try Catalogue.load("\(Self.folder)/models").entries {
            let fact = try #require(facts[entry.providerModel])
            let narrowed = Set(files[entry.slug]?.narrowed?.keys.map { $0 } ?? [])
            var isNarrowed = Set<String>()
            for facts in entry.inputs {
                let field = try #require(fact.inputs.first { $0.name == facts.input.name })
                if Self.differs(facts, field, "\(entry.slug).\(field.name)") { isNarrowed.insert(field.name) }
            }
            #expect(isNarrowed == narrowed, "\(entry.slug): narrowed must name exactly what is narrower")
        }
    }

    /// Whether ours is narrower; records an issue where it is wider or of another kind.
    private static func differs(_ facts: InputFacts, _ field: Fact.Field, _ name: String) -> Bool {
        let input = facts.input
        let kinds: [String: ModelInput.Kind] = [
            "string": .text, "enum": .choice, "integer": .integer, "number": .number, "boolean": .boolean,
            "image_url": .file, "image_urls": .files, "video_url": .file, "video_urls": .files, "audio_url": .file,
        ]
        #expect(kinds[field.type] == input.kind, "\(name)")
        #expect(input.isRequired || field.required != true, "\(name) is required")
        #expect(
            Set(input.options).isSubset(of: field.enum ?? []),
            "\(name) has options that the provider does not know"
        )
        #expect(input.minimum == field.min && input.maximum == field.max, "\(name) has another range")
        #expect(facts.minimumLength == field.min_length, "\(name) has another minimum length")
        #expect(input.minimumItems == field.min_items && input.maximumItems == field.max_items, "\(name) items")
        #expect(facts.accepts == field.accept ?? [], "\(name) accepts other files")
        if let most = field.max_length { #expect((input.maximumLength ?? .max) <= most, "\(name) may be too long") }
        if let most = field.max_file_mb {
            #expect(input.maximumFileMegabytes == most, "\(name) has another size limit")
        }
        if let value = field.default, field.type != "image_urls" {
            #expect(
                input.defaultValue == value || !input.options.contains(value) && input.kind == .choice,
                "\(name) default"
            )
        }
        return input.isRequired != (field.required == true)
            || input.kind == .choice && input.options.count < (field.enum ?? []).count
            || input.kind == .text && input.maximumLength != field.max_length
            || (input.kind == .files || input.kind == .file) && input.maximumFileMegabytes != field.max_file_mb
    }

    @Test func `every price is the provider's, to the thousandth of a credit`() throws {
        let facts = try Self.facts()
        for entry in try Catalogue.load("\(Self.folder)/models").entries {
            let fact = try #require(facts[entry.providerModel])
            // A fixed member picks its rows; options that are not offered need none.
            let offered = fact.prices.filter { price in
                price.when.allSatisfy { name, value in
                    entry.fixed[name].map { $0 == value }
                        ?? entry.input(name).map { $0.input.kind == .boolean || $0.input.options.contains(value) }
                        ?? false
                }
            }
            #expect(offered.count == entry.price.rows.count, "\(entry.slug)")
            for row in entry.price.rows {
                let price = offered.first { $0.when.filter { entry.fixed[$0.key] == nil } == row.when }
                #expect(
                    price.map { Int64(($0.credits * 1_000).rounded()) } == row.millicredits,
                    "\(entry.slug) \(row.name)"
                )
            }
        }
    }
}
