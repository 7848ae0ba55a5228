import Contracts
import Foundation
import TestSupport
import Testing

@testable import ModelCatalogue

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
            (
                183, ["prompt": "лиса", "extend_at": 31],
                InputProblem(name: "extend_at", reason: .outOfRange, limit: 30)
            ),
            (183, ["prompt": "лиса", "extend_at": 1], InputProblem(name: "extend_at", reason: .outOfRange, limit: 2)),
            (183, ["prompt": "лиса", "extend_at": .number(5.5)], InputProblem(name: "extend_at", reason: .wrongType)),
            (15, ["prompt": "лиса", "duration": 13], InputProblem(name: "duration", reason: .notAnOption)),
            (
                7, ["prompt": "лиса", "aspect_ratio": "1:1", "resolution": "4K"],
                InputProblem(name: "resolution", reason: .notTogether, with: "aspect_ratio")
            ),
            (
                15, ["prompt": "лиса", "generate_audio": "yes"],
                InputProblem(name: "generate_audio", reason: .wrongType)
            ),
            (1, ["prompt": "a", "nsfw_checker": false], InputProblem(name: "nsfw_checker", reason: .unknownInput)),
        ] as [(Int, [String: JSONValue], InputProblem)]
    )
    func wrongValues(_ model: Int, _ inputs: [String: JSONValue], _ expected: InputProblem) throws {
        // What must be an earlier result is not the point here.
        #expect(try problems(model, inputs).filter { $0.name != "task_id" } == [expected])
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
        #expect(fields.contains(["name": "duration", "reason": "not_an_option"]))
        let long = InputProblems(list: [InputProblem(name: "prompt", reason: .tooLong, limit: 1_000)])
        #expect(long.problem.members["fields"] == [["name": "prompt", "reason": "too_long", "limit": 1_000]])
        #expect(problems.problem.code == .invalidInputs)
    }

    @Test func `a clip that plays too long or too short is named with the bound in seconds`() throws {
        let photo = MediaReference(telegramFileID: "f", kind: .image)
        func clip(_ seconds: Double?) -> MediaReference {
            MediaReference(telegramFileID: "v", kind: .video, mimeType: "video/mp4", durationSeconds: seconds)
        }
        func check(_ seconds: Double?) throws -> [InputProblem] {
            try problems(133, ["prompt": "танец"], ["input_urls": [photo], "video_urls": [clip(seconds)]])
        }
        #expect(try check(12) == [] && check(nil) == [])
        #expect(try check(31) == [InputProblem(name: "video_urls", reason: .tooLongClip, limit: 30)])
        #expect(try check(2) == [InputProblem(name: "video_urls", reason: .tooShortClip, limit: 3)])
        let both = try problems(
            100,
            ["prompt": "море", "duration": 20],
            ["reference_video_urls": [clip(12)]]
        )
        #expect(both == [InputProblem(name: "reference_video_urls", reason: .tooLongClip, limit: 30)])
    }

    @Test func `what is needed together and what excludes each other is told`() throws {
        let photo = MediaReference(telegramFileID: "f", kind: .image)
        #expect(
            try problems(100, ["prompt": "море"], ["last_frame_url": [photo]])
                == [InputProblem(name: "first_frame_url", reason: .missing)]
        )
        #expect(
            try problems(100, ["prompt": "море"], ["first_frame_url": [photo], "reference_image_urls": [photo]])
                == [InputProblem(name: "reference_image_urls", reason: .notTogether, with: "first_frame_url")]
        )
    }

    @Test func `an earlier task is named by its result, not by a file from outside`() throws {
        let video = MediaReference(telegramFileID: "v", kind: .video)
        #expect(try problems(73, [:], ["task_id": [video]]) == [InputProblem(name: "task_id", reason: .wrongMedia)])
        let result = MediaReference(assetID: AssetID(), kind: .video)
        #expect(try problems(73, [:], ["task_id": [result]]) == [])
    }

    @Test(
        "types that Telegram names otherwise are the same files",
        arguments: [
            ("audio/mpeg", true), ("audio/ogg", true), ("audio/mp4", true), ("audio/x-m4a", true),
            ("audio/x-wav", true),
            ("audio/flac", false),
        ]
    )
    func audioTypes(_ mimeType: String, _ isTaken: Bool) throws {
        let voice = MediaReference(telegramFileID: "a", kind: .audio, mimeType: mimeType, durationSeconds: 5)
        let photo = MediaReference(telegramFileID: "f", kind: .image)
        let found = try problems(143, ["prompt": "говорит"], ["audio_url": [voice], "image_url": [photo]])
        #expect(found.isEmpty == isTaken)
    }
}

/// What a run costs, by the shipped files.
struct PriceTableTests {
    private static let catalogue = Result { try Catalogue.load("\(Repository.root)/services/generation/models") }
    private let pricing = Pricing(kopecksPerDollar: 9_200, markupThousandths: 2_000, minimumMarginKopecks: 50)

    private static func entry(_ number: Int) throws -> ModelEntry {
        try #require(try catalogue.get().entry(number))
    }

    private func cost(_ number: Int, _ values: [String: JSONValue], _ media: [String: [MediaReference]] = [:]) throws
        -> PriceTable.Cost
    {
        let entry = try Self.entry(number)
        let run = try InputValidation.check(entry, inputs: values, media: media).get()
        return try #require(entry.price?.cost(of: run))
    }

    @Test func `the price follows the options and the deltas say by how much`() throws {
        let kling = try Self.entry(13)
        let run = try InputValidation.check(kling, inputs: ["prompt": "море"], media: [:]).get()
        let cost = try #require(kling.price?.cost(of: run))
        #expect(cost == PriceTable.Cost(variant: "silent/5s", microdollars: 275_000, isBound: false))
        let deltas = pricing.deltas(of: kling, chosen: run)
        #expect(deltas["duration"] == ["5": 0, "10": 5_100] && deltas["sound"] == ["false": 0, "true": 5_100])
        #expect(deltas["aspect_ratio"] == nil, "what does not change the price is not mentioned")
        #expect(pricing.deltas(of: try Self.entry(1), chosen: RunInputs(values: ["prompt": "a"])) == [:])
    }

    @Test func `an option that does not go with the rest has no price difference`() throws {
        let gpt = try Self.entry(7)
        let run = try InputValidation.check(gpt, inputs: ["prompt": "a", "aspect_ratio": "1:1"], media: [:]).get()
        #expect(pricing.deltas(of: gpt, chosen: run)["resolution"] == ["1K": 0, "2K": 400])
    }

    @Test func `seconds and started thousands of characters multiply`() throws {
        #expect(try cost(16, ["prompt": "море", "resolution": "720p", "duration": 15]).microdollars == 1_200_000)
        #expect(try cost(16, ["prompt": "море", "resolution": "720p", "duration": 15]).variant == "720p/15s")
        for (length, units) in [(1, 1), (1_000, 1), (1_001, 2), (5_000, 5)] as [(Int, Int64)] {
            let text = JSONValue.string(String(repeating: "я", count: length))
            #expect(try cost(19, ["text": text]).microdollars == units * 30_000)
        }
    }

    @Test func `a length that is not known before is quoted at its bound`() throws {
        let automatic = try cost(100, ["prompt": "море", "duration": -1, "resolution": "480P"])
        #expect(automatic == PriceTable.Cost(variant: "480P/≤30s", microdollars: 1_200_000, isBound: true))
        let five = try cost(100, ["prompt": "море", "duration": 5, "resolution": "480P"])
        #expect(five == PriceTable.Cost(variant: "480P/5s", microdollars: 200_000, isBound: false))
    }

    @Test func `the length of a clip is rounded up to seconds and counts beside the length asked for`() throws {
        let clip = MediaReference(telegramFileID: "v", kind: .video, durationSeconds: 4.2)
        let both = try cost(100, ["prompt": "море", "resolution": "480P"], ["reference_video_urls": [clip, clip]])
        #expect(both.variant == "480P/15s" && both.microdollars == 600_000)
        var unknown = clip
        unknown.durationSeconds = nil
        let bound = try cost(100, ["prompt": "море", "resolution": "480P"], ["reference_video_urls": [unknown]])
        #expect(bound.variant == "480P/≤30s" && bound.isBound)
    }

    @Test func `files beyond the included ones cost extra`() throws {
        let photo = MediaReference(telegramFileID: "f", kind: .image)
        let values: [String: JSONValue] = ["prompt": "в один кадр"]
        #expect(try cost(70, values, ["image_urls": [photo]]).microdollars == 35_000)
        #expect(try cost(70, values, ["image_urls": [photo, photo, photo]]).microdollars == 40_000)
    }

    @Test func `several pictures cost several times as much`() throws {
        #expect(try cost(47, ["prompt": "дом", "n": 3]).microdollars == 72_000)
        #expect(try cost(47, ["prompt": "дом", "n": 3]).variant == "standard/×3")
    }

    @Test func `a token price is quoted as the most that the text can cost`() throws {
        let cost = try cost(164, ["text": "Добрый день"])
        #expect(cost.isBound && cost.microdollars == 31_850)
    }
}
