import Contracts
import Foundation
import TestSupport
import Testing

@testable import ModelCatalogue

struct CatalogueTests {
    private static let folder = "\(Repository.root)/services/generation"

    private static func catalogue() throws -> Catalogue { try Catalogue.load("\(folder)/models") }

    /// A model file that is right, to be made wrong.
    private static let good = """
        {
          "number": 1, "slug": "a/b", "title": {"ru": "А", "en": "A"}, "output": "image", "tasks": ["text_to_image"],
          "summary": {"ru": "а", "en": "a"}, "free": false, "typical_seconds": 10, "promised_seconds": 60, "hard_limit_seconds": 600, "sample": {"inputs": {"prompt": "а"}},
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
        Catalogue.load([CatalogueFile(name: "bad.json", bytes: Array(text.utf8))]).refused.first
    }

    private static func file(_ name: String, _ text: String?) -> CatalogueFile {
        CatalogueFile(name: name, bytes: text.map { Array($0.utf8) })
    }

    @Test func `every shipped file is accepted and leads nowhere that does not exist`() throws {
        let catalogue = try Self.catalogue()
        #expect(catalogue.refused.map(\.text) == [])
        #expect(catalogue.looseEnds.map(\.text) == [])
        let sold = catalogue.entries.filter { catalogue.obstacle(to: $0, SalesControl(sellsUntried: true)) == nil }
        #expect(sold.count >= 100)
        let free = sold.filter(\.isFree).map(\.slug)
        #expect(free == ["z-image", "qwen/text-to-image", "qwen/image-to-image", "qwen/image-edit"])
        let tasks = Set(sold.flatMap(\.tasks))
        #expect(tasks == Set(ModelTask.allCases).subtracting([.other]), "every task of the menu has a model")
        #expect(Set(catalogue.entries.map(\.route.family)) == Set(ProviderFamily.allCases))
    }

    @Test func `a model that is not sold says why`() throws {
        let catalogue = try Self.catalogue()
        let control = SalesControl(switchedOff: ["veo-3-1"], stopped: ["z-image": "costs more"], sellsUntried: true)
        func reason(_ name: String, _ control: SalesControl) throws -> String? {
            catalogue.obstacle(to: try #require(catalogue.entry(named: name)), control)?.code
        }
        #expect(try reason("sora-2-text-to-video", control) == "withheld")
        #expect(try reason("veo-3-1", control) == "switched_off" && reason("z-image", control) == "stopped")
        #expect(try reason("veo3", control) == nil, "the spare is sold while its main model is not")
        #expect(try reason("veo3", SalesControl(sellsUntried: true)) == "spare")
        #expect(catalogue.entry(named: "V4")?.slug == "ai-music-api/generate", "old names lead to the new model")
    }

    @Test func `a smoke run counts for the request that was tried`() throws {
        let folder = [Self.file("a.json", Self.good)]
        let entry = try #require(Catalogue.load(folder).entry(1))
        func obstacle(_ fingerprint: String?, _ model: String = Self.good) -> SaleObstacle? {
            let pass = fingerprint.map {
                SmokeBook.Pass(fingerprint: $0, date: "2026-11-28", against: "stand-in", runs: 2)
            }
            let book = SmokeBook(passed: pass.map { ["a/b": $0] } ?? [:])
            let catalogue = Catalogue.load([Self.file("a.json", model), Self.file("smoke.json", book.text)])
            return catalogue.entry(1).flatMap { catalogue.obstacle(to: $0, SalesControl()) }
        }
        #expect(obstacle(entry.requestFingerprint) == nil)
        #expect(obstacle(nil)?.code == "not_smoked" && obstacle("0123456789abcdef")?.code == "not_smoked")
        let dearer = Self.good.replacing("800", with: "900")
        #expect(obstacle(entry.requestFingerprint, dearer) == nil, "a new price needs no new run")
        let other = Self.good.replacing("\"default\": \"1K\"", with: "\"default\": \"2K\"")
        #expect(obstacle(entry.requestFingerprint, other)?.code == "not_smoked")
    }

    @Test func `a file that turns bad keeps its old model, and a file that goes keeps it for jobs under way`() throws {
        let first = Catalogue.load([Self.file("a.json", Self.good)])
        let bad = Catalogue.load([Self.file("a.json", "{\n")], after: first)
        #expect(bad.entries == first.entries && bad.refused.map(\.line) == [2])
        #expect(bad.obstacle(to: try #require(bad.entry(1)), SalesControl()) == nil, "it stays on sale")
        let dearer = Self.good.replacing("800", with: "900")
        let good = Catalogue.load([Self.file("a.json", dearer)], after: bad)
        #expect(good.entry(1)?.price?.rows.first?.millicredits == 900 && good.refused.isEmpty)
        let gone = Catalogue.load([], after: good)
        #expect(gone.obstacle(to: try #require(gone.entry(1)), SalesControl()) == .retired)
        #expect(gone.contentHash != good.contentHash)
        let back = Catalogue.load([Self.file("a.json", dearer)], after: gone)
        #expect(back.obstacle(to: try #require(back.entry(1)), SalesControl()) == nil)
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
            ("{\"prompt\": \"а\"}", "{\"prompt\": 5}", 3, "sample.inputs.prompt", "is wrong_type"),
            ("\"promised_seconds\": 60", "\"promised_seconds\": 6", 3, "promised_seconds", "must lie between"),
            ("\"size\": \"2K\"}, \"m", "\"size\": \"1K\"}, \"m", 10, "price.rows", "have no price for size=2K"),
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

    @Test func `text that is not JSON is refused at its line and the other models stay`() throws {
        let catalogue = Catalogue.load([
            Self.file("good.json", Self.good), Self.file("bad.json", "{\n\"number\": 2,\n]"),
            Self.file("gone.json", nil),
        ])
        #expect(catalogue.entries.map(\.slug) == ["a/b"])
        #expect(catalogue.refused.map(\.file) == ["bad.json", "gone.json"])
        #expect(catalogue.refused[0].text == "bad.json:3: is not JSON")
    }

    @Test func `a number that another model has is refused`() throws {
        let catalogue = Catalogue.load([Self.file("one.json", Self.good), Self.file("two.json", Self.good)])
        #expect(catalogue.entries.count == 1 && catalogue.refused.count == 1)
    }

    @Test func `hidden models are not listed and the revision tells`() throws {
        let catalogue = try Self.catalogue()
        let pricing = Pricing(kopecksPerDollar: 9_200, markupThousandths: 2_000, minimumMarginKopecks: 50)
        let all = catalogue.published(pricing, SalesControl(sellsUntried: true))
        let some = catalogue.published(pricing, SalesControl(switchedOff: ["z-image"], sellsUntried: true))
        #expect(all.models.count == some.models.count + 1 && all.revision != some.revision)
        #expect(all.models.first?.fromKopecks == 0 && all.models.first?.isFree == true)
        let seedance = try #require(all.models.first { $0.slug == "bytedance/seedance-1.5-pro" })
        #expect(seedance.fromKopecks == 700, "four silent seconds of 480p")
        let units = Set(all.models.map(\.priceUnit))
        #expect(units.isSubset(of: ["image", "second", "minute", "1000_characters", "request"]))
        let upscale = try #require(all.models.first { $0.slug == "recraft/crisp-upscale" })
        let image = try #require(all.models.first { $0.slug == "z-image" })
        #expect(image.followUps?.contains(upscale.number) == true && image.sample?.isEmpty == false)
    }

    @Test func `an input that only takes certain models' results names their numbers`() throws {
        let catalogue = try Self.catalogue()
        let pricing = Pricing(kopecksPerDollar: 9_200, markupThousandths: 2_000, minimumMarginKopecks: 50)
        let all = catalogue.published(pricing, SalesControl(sellsUntried: true))
        let upscale = try #require(all.models.first { $0.slug == "veo/get-1080p-video" })
        let makers = ["veo-3-1", "veo-3-1/frames", "veo-3-1/references"].compactMap {
            catalogue.entry(named: $0)?.number
        }
        #expect(makers.count == 3 && upscale.inputs.first?.madeBy == makers.sorted())
        let free = try #require(all.models.first { $0.slug == "topaz/video-upscale" })
        #expect(free.inputs.allSatisfy { $0.madeBy == nil })
        // A result outlives the sale of its maker.
        let fewer = catalogue.published(pricing, SalesControl(switchedOff: ["veo-3-1"], sellsUntried: true))
        #expect(fewer.models.first { $0.number == upscale.number }?.inputs.first?.madeBy == makers.sorted())
    }

    @Test func `templates put values where the provider wants them`() throws {
        let speech = try #require(try Self.catalogue().entry(named: "google/gemini-3-1-flash-tts"))
        let request = speech.request(["text": "Привет", "voice": "Puck"])
        #expect(request["dialogue_turns"] == [["speaker_id": "1", "text": "Привет"]])
        #expect(request["speakers"] == [["speaker_id": "1", "voice_name": "Puck", "accent": "Neutral"]])
        #expect(request["text"] == nil && request["voice"] == nil)
        let fusion = try #require(try Self.catalogue().entry(named: "pixverse-v6/reference-to-video"))
        let images = fusion.request(["images": ["https://a/1", "https://a/2"], "prompt": "x"])["image_references"]
        #expect(images?.array?.count == 2 && images?.array?.last?["image_url"] == "https://a/2")
    }
}
