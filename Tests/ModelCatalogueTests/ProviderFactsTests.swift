import Contracts
import Foundation
import TestSupport
import Testing

@testable import ModelCatalogue

/// The model files against the provider's documentation as it was read;
/// `services/generation/TestData/provider-facts.json` says what it said.
struct ProviderFactsTests {
    private struct Fact: Decodable {
        struct Field: Decodable {
            var name: String
            var type: String
            var required: Bool?
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
        var seed: String?
        var inputs: [Field]
        var prices: [Price]
    }

    private struct Notes: Decodable {
        var slug: String
        var narrowed: [String: String]?
        var left_out: [String: String]?
    }

    private static let folder = "\(Repository.root)/services/generation"
    private static let catalogue = Result { try Catalogue.load("\(folder)/models") }

    private static let facts = Result { () -> [String: Fact] in
        let data = try #require(FileManager.default.contents(atPath: "\(folder)/TestData/provider-facts.json"))
        let list = try JSONDecoder().decode([Fact].self, from: data)
        return Dictionary(list.map { ($0.model, $0) }) { first, _ in first }
    }

    private static func notes() throws -> [String: Notes] {
        var notes: [String: Notes] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/models")
        where name.first?.isNumber == true {
            let data = try #require(FileManager.default.contents(atPath: "\(folder)/models/\(name)"))
            let file = try JSONDecoder().decode(Notes.self, from: data)
            notes[file.slug] = file
        }
        return notes
    }

    @Test func `each of the seventy-two models of the first list is known by its name`() throws {
        let catalogue = try Self.catalogue.get()
        let names = try Self.facts.get().values.compactMap(\.seed)
        #expect(names.count == 72)
        for name in names {
            let entry = try #require(catalogue.entry(named: name), "\(name)")
            // Sold, or withheld with a reason; a spare is sold through its main model.
            let obstacle = catalogue.obstacle(to: entry, SalesControl(sellsUntried: true))
            #expect(obstacle == nil || obstacle?.code == "withheld", "\(name): \(obstacle?.code ?? "")")
        }
    }

    @Test func `every member of every model's input is asked, fixed or left out for a reason`() throws {
        let (facts, notes) = (try Self.facts.get(), try Self.notes())
        for entry in try Self.catalogue.get().entries {
            let fact = try #require(facts[entry.route.model], "\(entry.slug) has no facts")
            let left = Set(notes[entry.slug]?.left_out?.keys.map { $0 } ?? [])
            let templated = RequestTemplate.inputs(in: .object(entry.fixed))
            let asked = Set(entry.inputs.map(\.input.name)).subtracting(templated)
            #expect(asked.union(entry.fixed.keys).union(left) == Set(fact.inputs.map(\.name)), "\(entry.slug)")
            #expect(entry.output.rawValue == fact.output, "\(entry.slug)")
            let needed = Set(fact.inputs.filter { $0.required == true }.map(\.name)).subtracting(["callBackUrl"])
            #expect(entry.withheld != nil || needed.isDisjoint(with: left), "\(entry.slug) leaves out what is required")
            for field in fact.inputs {
                guard let value = entry.fixed[field.name], let allowed = field.enum else { continue }
                #expect(allowed.contains(value), "\(entry.slug).\(field.name) is fixed to what the provider refuses")
            }
        }
    }

    @Test func `no input is wider than the provider's, and what is narrower has a reason`() throws {
        let (facts, notes) = (try Self.facts.get(), try Self.notes())
        for entry in try Self.catalogue.get().entries {
            let fact = try #require(facts[entry.route.model])
            let templated = RequestTemplate.inputs(in: .object(entry.fixed))
            var narrower = Set<String>()
            for facts in entry.inputs where !templated.contains(facts.input.name) {
                let field = try #require(fact.inputs.first { $0.name == facts.input.name })
                checkNotWider(facts, field, "\(entry.slug).\(field.name)")
                if Self.isNarrower(facts, field) { narrower.insert(field.name) }
            }
            let told = Set(notes[entry.slug]?.narrowed?.keys.map { $0 } ?? [])
            #expect(narrower == told, "\(entry.slug): narrowed must name exactly what is narrower")
        }
    }

    private func checkNotWider(_ facts: InputFacts, _ field: Fact.Field, _ name: String) {
        let input = facts.input
        #expect(input.isRequired || field.required != true || input.defaultValue != nil, "\(name) is required")
        if let allowed = field.enum { #expect(Set(input.options).isSubset(of: allowed), "\(name) options") }
        let numbers = input.options.compactMap(\.number).filter { $0 > 0 }
        if let least = field.min {
            #expect(numbers.allSatisfy { $0 >= least } && (input.minimum ?? least) >= least, "\(name)")
        }
        if let most = field.max {
            #expect(numbers.allSatisfy { $0 <= most } && (input.maximum ?? most) <= most, "\(name)")
        }
        if let least = field.min_length { #expect((facts.minimumLength ?? 0) >= least, "\(name) may be too short") }
        if let most = field.max_length, input.kind == .text {
            #expect((input.maximumLength ?? .max) <= most, "\(name) may be too long")
        }
        if let most = field.max_items { #expect((input.maximumItems ?? 1) <= most, "\(name) may be too many") }
        if let least = field.min_items, input.isRequired {
            #expect((input.minimumItems ?? 1) >= least, "\(name) items")
        }
        if let most = field.max_file_mb { #expect((input.maximumFileMegabytes ?? .max) <= most, "\(name) size") }
        if facts.sends == .address { #expect(facts.accepts == field.accept ?? [], "\(name) accepts other files") }
    }

    private static func isNarrower(_ facts: InputFacts, _ field: Fact.Field) -> Bool {
        let input = facts.input
        guard facts.sends == .address else { return false }
        if input.isRequired != (field.required == true) { return true }
        switch input.kind {
        case .choice: return field.enum.map { input.options.count < $0.count } ?? true
        case .text: return input.maximumLength != field.max_length
        case .file: return input.maximumFileMegabytes != field.max_file_mb
        case .files:
            return input.maximumFileMegabytes != field.max_file_mb || input.maximumItems != field.max_items
                || (input.minimumItems ?? 0) != (field.min_items ?? 0)
        case .integer, .number:
            return input.minimum != field.min || input.maximum != field.max || field.type != input.kind.rawValue
        case .boolean: return false
        }
    }

    @Test func `every price is the provider's to the thousandth of a credit, or a bound with its reason`() throws {
        let facts = try Self.facts.get()
        for entry in try Self.catalogue.get().entries {
            guard let price = entry.price else { continue }
            #expect(!price.source.isEmpty && !price.date.isEmpty)
            let fact = try #require(facts[entry.route.model])
            for row in price.rows where row.bound == nil {
                let isPublished = fact.prices.contains { published in
                    Int64((published.credits * 1_000).rounded()) == row.millicredits
                        && published.when.allSatisfy { Self.holds($0.key, $0.value, row, entry) }
                }
                #expect(isPublished, "\(entry.slug) \(row.name): no such price is published")
            }
        }
    }

    /// Whether a condition of a published price is met wherever a row of ours applies.
    private static func holds(_ name: String, _ value: JSONValue, _ row: PriceRow, _ entry: ModelEntry) -> Bool {
        // Facts about the source file, which our row leaves open.
        if name.hasPrefix("@") { return true }
        if let fixed = entry.fixed[name] { return fixed == value }
        let isOffered = entry.input(name) != nil
        switch value {
        case "absent": return !isOffered || row.when[name] == false
        case "present": return row.when[name] == true || entry.input(name)?.input.isRequired == true
        default: return row.when[name] == value
        }
    }
}
