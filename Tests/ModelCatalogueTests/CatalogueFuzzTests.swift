import Contracts
import Foundation
import ProofKit
import TestSupport
import Testing

@testable import ModelCatalogue

/// Random model files and random inputs. A failure prints the seed; `ATELIER_FUZZ_SEED` repeats it and
/// `ATELIER_FUZZ_ROUNDS` makes the run longer.
struct CatalogueFuzzTests {
    private static let folder = "\(Repository.root)/services/generation/models"
    private static let pricing = Pricing(kopecksPerDollar: 9_200, markupThousandths: 2_000, minimumMarginKopecks: 50)

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    private static func dice() -> (seed: UInt64, SeededGenerator) {
        let seed = number("ATELIER_FUZZ_SEED") ?? UInt64.random(in: 0...UInt64.max)
        return (seed, SeededGenerator(seed: seed))
    }

    @Test func `no damage to a model file makes the reader trap, and what it accepts can be quoted`() throws {
        var (seed, dice) = Self.dice()
        let files = try CatalogueFile.all(in: Self.folder).filter { $0.name != SmokeBook.fileName }
        var (refused, accepted) = (0, 0)
        for round in 0..<(Self.number("ATELIER_FUZZ_ROUNDS") ?? 3_000) {
            let file = files[dice.below(files.count)]
            let bytes = Damage.make(try #require(file.bytes), &dice)
            do {
                let entry = try ModelFile.read(bytes, file: file.name)
                accepted += 1
                try Self.expectSound(entry, &dice, "seed \(seed), round \(round), \(file.name)")
            } catch let error as ModelFileError {
                refused += 1
                let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
                try #require((1...lines).contains(error.line), "seed \(seed), round \(round): \(error.text)")
                try #require(!error.reason.isEmpty, "seed \(seed), round \(round)")
            }
        }
        #expect(
            refused > 50 && accepted > 20,
            "the damage is too tame or too harsh: \(refused), \(accepted), seed \(seed)"
        )
    }

    @Test func `every choice of inputs is priced and sendable, or refused with a reason`() throws {
        var (seed, dice) = Self.dice()
        let entries = try Catalogue.load(Self.folder).entries.filter { $0.withheld == nil }
        var (right, wrong) = (0, 0)
        for round in 0..<(Self.number("ATELIER_FUZZ_ROUNDS") ?? 4_000) {
            let entry = entries[dice.below(entries.count)]
            let note = "seed \(seed), round \(round), \(entry.slug)"
            let (inputs, media) = RandomInputs.make(entry, &dice)
            switch InputValidation.check(entry, inputs: inputs, media: media) {
            case .failure(let problems):
                wrong += 1
                try #require(!problems.list.isEmpty && problems.problem.code == .invalidInputs, "\(note)")
            case .success(let run):
                right += 1
                try Self.expectPriced(run, entry, note)
            }
        }
        #expect(right > 300 && wrong > 300, "the inputs are too tame or too wild: \(right), \(wrong), seed \(seed)")
    }

    private static func expectSound(_ entry: ModelEntry, _ dice: inout SeededGenerator, _ note: String) throws {
        for _ in 0..<3 {
            let (inputs, media) = RandomInputs.make(entry, &dice)
            if case .success(let run) = InputValidation.check(entry, inputs: inputs, media: media), entry.price != nil {
                try expectPriced(run, entry, note)
            }
        }
    }

    /// A valid run has a price that earns something, differences that are true, and a request without templates.
    private static func expectPriced(_ run: RunInputs, _ entry: ModelEntry, _ note: String) throws {
        let cost = try #require(entry.price?.cost(of: run), "\(note): no price for \(run.values)")
        let price = try #require(pricing.price(of: run, entry), "\(note)")
        try #require(entry.isFree ? price == 0 : price > pricing.costKopecks(cost.microdollars), "\(note)")
        for (name, differences) in pricing.deltas(of: entry, chosen: run) {
            for option in try #require(entry.input(name)).input.alternatives {
                guard let delta = differences[InputValidation.optionText(option)] else { continue }
                var inputs = run.values
                inputs[name] = option
                let other = try InputValidation.check(entry, inputs: inputs, media: run.media).get()
                try #require(pricing.price(of: other, entry) == price + delta, "\(note): \(name)=\(option)")
            }
        }
        let request = entry.request(run.values.merging(run.media.mapValues { _ in ["https://files/1"] }) { $1 })
        try #require(!"\(request)".contains("$"), "\(note): a template is left in the request")
        let again = InputValidation.check(entry, inputs: run.values, media: run.media)
        try #require(try again.get() == run, "\(note): checking twice changes the run")
    }
}

/// Damages bytes of a model file.
private enum Damage {
    private static let words = [
        "null", "true", "-1", "0", "1e308", "99999999999999999999", "\"\"", "[]", "{}", "{\"a\":1}", "\"\\ud800\"",
        "2.5",
    ]

    static func make(_ bytes: [UInt8], _ dice: inout SeededGenerator) -> [UInt8] {
        var text = bytes
        for _ in 0...dice.below(2) {
            let place = dice.below(text.count)
            switch dice.below(7) {
            case 0: text[place] = UInt8(dice.below(256))
            case 1: text.removeSubrange(place..<min(text.count, place + 1 + dice.below(20)))
            case 2: text.insert(contentsOf: text[place..<min(text.count, place + 30)], at: dice.below(text.count))
            case 3: text = Array(text.prefix(max(1, place)))
            default: replaceValue(&text, &dice)
            }
            if text.isEmpty { text = [UInt8(ascii: "{")] }
        }
        return text
    }

    /// Puts another value behind a colon.
    private static func replaceValue(_ text: inout [UInt8], _ dice: inout SeededGenerator) {
        let colons = text.indices.filter { text[$0] == UInt8(ascii: ":") && text[min($0 + 1, text.count - 1)] == 0x20 }
        guard !colons.isEmpty else { return }
        let start = colons[dice.below(colons.count)] + 2
        let end = text[min(start, text.count)...].firstIndex { ",}]\n".utf8.contains($0) } ?? text.count
        text.replaceSubrange(min(start, end)..<end, with: Array(words[dice.below(words.count)].utf8))
    }
}

/// Makes inputs that are often right and sometimes wrong.
private enum RandomInputs {
    static func make(_ entry: ModelEntry, _ dice: inout SeededGenerator) -> (
        [String: JSONValue], [String: [MediaReference]]
    ) {
        var inputs: [String: JSONValue] = [:]
        var media: [String: [MediaReference]] = [:]
        for facts in entry.inputs {
            let input = facts.input
            guard input.isRequired && input.defaultValue == nil ? dice.below(40) > 0 : dice.below(3) > 0 else {
                continue
            }
            if input.kind == .file || input.kind == .files {
                media[input.name] = files(facts, &dice)
            } else {
                inputs[input.name] = dice.below(30) == 0 ? junk(&dice) : value(input, &dice)
            }
        }
        if dice.below(60) == 0 { inputs["stranger"] = 1 }
        return (inputs, media)
    }

    private static func value(_ input: ModelInput, _ dice: inout SeededGenerator) -> JSONValue {
        switch input.kind {
        case .choice: return input.options.isEmpty ? .null : input.options[dice.below(input.options.count)]
        case .boolean: return .bool(dice.below(2) == 0)
        case .integer, .number:
            let (low, high) = (input.minimum ?? 0, input.maximum ?? 1)
            let number = low + (high - low) * Double(dice.below(101)) / 100
            return input.kind == .integer ? .integer(Int64(exactly: number.rounded()) ?? 0) : .number(number)
        case .text, .file, .files:
            let most = min(input.maximumLength ?? 10, 3_000) + (dice.below(20) == 0 ? 2 : 0)
            return .string(String(repeating: ["я", "a", " ", "🦊"][dice.below(4)], count: dice.below(most + 1)))
        }
    }

    private static func junk(_ dice: inout SeededGenerator) -> JSONValue {
        [.null, "", "9K", -1, .number(.infinity), .number(-0.0), .bool(true), [], ["a": 1], .integer(.max)][
            dice.below(10)
        ]
    }

    private static func files(_ facts: InputFacts, _ dice: inout SeededGenerator) -> [MediaReference] {
        let input = facts.input
        let most = input.kind == .file ? 1 : input.maximumItems ?? 1
        return (0..<(dice.below(20) == 0 ? most + 1 : 1 + dice.below(most))).map { _ in
            var file = MediaReference(kind: dice.below(40) == 0 ? .text : input.media ?? .image)
            if facts.sends == .task || dice.below(3) == 0 {
                file.assetID = AssetID()
            } else {
                file.telegramFileID = "f"
            }
            file.sizeBytes = dice.below(3) == 0 ? nil : Int64(dice.below((input.maximumFileMegabytes ?? 1) << 20))
            file.durationSeconds = dice.below(3) == 0 ? nil : Double(dice.below(90)) / 6
            return file
        }
    }
}
