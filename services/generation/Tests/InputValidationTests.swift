import Contracts
import Foundation
import TestSupport
import Testing

@testable import GenerationService

struct InputValidationTests {
    private static let catalogue = Result { try Catalogue.load("\(Repository.root)/services/generation/models") }

    private static func entry(_ number: Int) throws -> ModelEntry {
        try #require(try catalogue.get().entry(number))
    }

    private func problems(
        _ number: Int,
        _ inputs: [String: JSONValue],
        _ media: [String: [MediaReference]] = [:]
    ) throws -> [InputProblem] {
        switch InputValidation.check(try Self.entry(number), inputs: inputs, media: media) {
        case .success: []
        case .failure(let problems): problems.list
        }
    }

    @Test func `what is absent takes its default and nothing else is sent`() throws {
        let run = try InputValidation.check(try Self.entry(1), inputs: ["prompt": "лиса"], media: [:]).get()
        #expect(run.values == ["prompt": "лиса", "aspect_ratio": "1:1"] && run.media.isEmpty)
        #expect(run.prompt == "лиса")
    }

    @Test(
        "a wrong value is named with its reason and limit",
        arguments: [
            (1, [:], InputProblem(name: "prompt", reason: .missing)),
            (1, ["prompt": "  \n"], InputProblem(name: "prompt", reason: .missing)),
            (1, ["prompt": .null], InputProblem(name: "prompt", reason: .missing)),
            (1, ["prompt": 5], InputProblem(name: "prompt", reason: .wrongType)),
            (
                1, ["prompt": .string(String(repeating: "я", count: 1_001))],
                InputProblem(name: "prompt", reason: .tooLong, limit: 1_000)
            ),
            (15, ["prompt": "ёж"], InputProblem(name: "prompt", reason: .tooShort, limit: 3)),
            (1, ["prompt": "a", "aspect_ratio": "7:1"], InputProblem(name: "aspect_ratio", reason: .notAnOption)),
            (15, ["prompt": "лиса", "duration": 13], InputProblem(name: "duration", reason: .outOfRange, limit: 12)),
            (15, ["prompt": "лиса", "duration": 3], InputProblem(name: "duration", reason: .outOfRange, limit: 4)),
            (15, ["prompt": "лиса", "duration": .number(5.5)], InputProblem(name: "duration", reason: .wrongType)),
            (
                15, ["prompt": "лиса", "generate_audio": "yes"],
                InputProblem(name: "generate_audio", reason: .wrongType)
            ),
            (1, ["prompt": "a", "nsfw_checker": false], InputProblem(name: "nsfw_checker", reason: .unknownInput)),
        ] as [(Int, [String: JSONValue], InputProblem)]
    )
    func wrongValues(_ model: Int, _ inputs: [String: JSONValue], _ expected: InputProblem) throws {
        #expect(try problems(model, inputs) == [expected])
    }

    @Test func `exactly the longest text is accepted, counted in scalars`() throws {
        #expect(try problems(1, ["prompt": .string(String(repeating: "я", count: 1_000))]) == [])
    }

    @Test func `a number from a button means the option of that text`() throws {
        let run = try InputValidation.check(
            try Self.entry(13),
            inputs: ["prompt": "море", "duration": 10],
            media: [:]
        ).get()
        #expect(run.values["duration"] == "10")
        #expect(run.values["sound"] == false, "defaults are always sent")
    }

    @Test func `files are counted, weighed and looked at`() throws {
        let photo = MediaReference(telegramFileID: "f", kind: .image, mimeType: "image/jpeg", sizeBytes: 5 << 20)
        #expect(try problems(4, ["prompt": "зима"]) == [InputProblem(name: "image_url", reason: .missing)])
        #expect(try problems(4, ["prompt": "зима"], ["image_url": [photo]]) == [])
        #expect(
            try problems(4, ["prompt": "зима"], ["image_url": [photo, photo]])
                == [InputProblem(name: "image_url", reason: .tooMany, limit: 1)]
        )
        var heavy = photo
        heavy.sizeBytes = 11 << 20
        #expect(
            try problems(4, ["prompt": "зима"], ["image_url": [heavy]])
                == [InputProblem(name: "image_url", reason: .tooLarge, limit: 10)]
        )
        for change in [
            { (file: inout MediaReference) in file.kind = .video }, { $0.mimeType = "image/gif" },
            { $0.telegramFileID = nil }, { $0.assetID = AssetID() },
        ] as [(inout MediaReference) -> Void] {
            var wrong = photo
            change(&wrong)
            #expect(
                try problems(4, ["prompt": "зима"], ["image_url": [wrong]])
                    == [InputProblem(name: "image_url", reason: .wrongMedia)]
            )
        }
        #expect(
            try problems(1, ["prompt": "a"], ["image_url": [photo]])
                == [InputProblem(name: "image_url", reason: .unknownInput)]
        )
    }

    @Test func `several problems are told together, with limits that are whole numbers where they can be`() throws {
        guard
            case .failure(let problems) = InputValidation.check(
                try Self.entry(15),
                inputs: ["duration": 99, "resolution": "8K"],
                media: [:]
            )
        else { return #expect(Bool(false), "must fail") }
        #expect(problems.list.count == 3)
        let fields = try #require(problems.problem.members["fields"]?.array)
        #expect(fields.contains(["name": "duration", "reason": "out_of_range", "limit": 12]))
        #expect(problems.problem.code == .invalidInputs)
    }

    @Test func `the price follows the options and the deltas say by how much`() throws {
        let pricing = Pricing(kopecksPerDollar: 9_200, markupThousandths: 2_000, minimumMarginKopecks: 50)
        let kling = try Self.entry(13)
        let run = try InputValidation.check(kling, inputs: ["prompt": "море"], media: [:]).get()
        let cost = try #require(kling.price.cost(of: run.values))
        #expect(cost == PriceTable.Cost(variant: "5/silent", microdollars: 275_000))
        let deltas = pricing.deltas(of: kling, chosen: run.values)
        #expect(deltas["duration"] == ["5": 0, "10": 5_100] && deltas["sound"] == ["false": 0, "true": 5_100])
        #expect(deltas["aspect_ratio"] == nil, "what does not change the price is not mentioned")
        #expect(pricing.deltas(of: try Self.entry(1), chosen: ["prompt": "a"]) == [:])
    }

    @Test func `seconds and started thousands of characters multiply`() throws {
        let wan = try Self.entry(16)
        #expect(wan.price.cost(of: ["resolution": "720p", "duration": 15])?.microdollars == 1_200_000)
        #expect(wan.price.cost(of: ["resolution": "720p", "duration": 15])?.variant == "720p/15s")
        let speech = try Self.entry(19)
        for (length, units) in [(1, 1), (1_000, 1), (1_001, 2), (5_000, 5)] as [(Int, Int64)] {
            let text = JSONValue.string(String(repeating: "я", count: length))
            #expect(speech.price.cost(of: ["text": text])?.microdollars == units * 30_000)
        }
        #expect(speech.price.cost(of: [:]) == nil)
    }
}
