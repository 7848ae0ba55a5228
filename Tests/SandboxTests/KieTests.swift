import Contracts
import Testing

@testable import Sandbox

@Suite struct KieValidationTests {
    private let catalogue: KieCatalogue

    init() throws {
        catalogue = try Resources().catalogue
    }

    /// The smallest value that a field allows.
    private func minimal(_ field: KieField) -> JSONValue {
        switch field.type {
        case "enum": return field.enum?.first ?? "x"
        case "string": return .string(String(repeating: "x", count: max(1, field.minLength ?? 1)))
        case "boolean": return false
        case "integer", "number":
            let number = Int64((field.min ?? 1).rounded(.up))
            return field.valueType == "string" ? .string(String(number)) : .integer(number)
        case "image_url", "video_url", "audio_url": return "https://files.example/1.png"
        case "image_urls", "video_urls", "audio_urls":
            return .array(Array(repeating: "https://files.example/1.png", count: max(1, field.minItems ?? 1)))
        case "string_list": return .array(Array(repeating: "x", count: max(1, field.minItems ?? 1)))
        case "integer_list": return .array(Array(repeating: 1, count: max(1, field.minItems ?? 1)))
        case "object_list":
            let item = JSONValue.object(
                Dictionary(uniqueKeysWithValues: (field.items ?? []).map { ($0.name, minimal($0)) })
            )
            return .array(Array(repeating: item, count: max(1, field.minItems ?? 1)))
        default: return "task-1"
        }
    }

    private func refusal(_ input: [String: JSONValue], _ model: KieModel) -> KieRefusal? {
        do throws(KieRefusal) {
            try KieValidation.check(input, against: model.inputs) { $0 == "task-1" }
            return nil
        } catch {
            return error
        }
    }

    @Test func `every model takes its smallest input and misses each required field`() throws {
        #expect(catalogue.models.count > 180)
        for model in catalogue.models.values {
            let full = Dictionary(model.inputs.map { ($0.name, minimal($0)) }) { first, _ in first }
            #expect(refusal(full, model) == nil, "\(model.model)")
            for field in model.inputs where field.required == true {
                var lacking = full
                lacking[field.name] = nil
                #expect(refusal(lacking, model)?.message == "This field is required: \(field.name)", "\(model.model)")
                lacking[field.name] = .object([:])
                #expect(refusal(lacking, model) != nil, "\(model.model) \(field.name) takes an object")
            }
        }
    }

    @Test func `types are strict where the provider is`() throws {
        let kling = try #require(catalogue.models["kling-3.0/video"])
        let full = Dictionary(kling.inputs.map { ($0.name, minimal($0)) }) { first, _ in first }
        #expect(refusal(full.merging(["duration": 5]) { $1 }, kling)?.message.contains("not within the range") == true)
        #expect(refusal(full.merging(["duration": "5"]) { $1 }, kling) == nil)
        #expect(refusal(full.merging(["sound": "false"]) { $1 }, kling)?.message.contains("type is invalid") == true)
        #expect(refusal(full.merging(["image_urls": ["data:image/png;base64,AA"]]) { $1 }, kling)?.code == 422)
        #expect(refusal(full.merging(["nonsense": 1]) { $1 }, kling) == nil, "unknown fields are ignored")
        #expect(KieValidation.unknownNames(full.merging(["nonsense": 1]) { $1 }, fields: kling.inputs) == ["nonsense"])
    }

    @Test func `limits on numbers, lengths and lists hold on both sides`() throws {
        let wan = try #require(catalogue.models["wan/2-7-text-to-video"])
        #expect(refusal(["prompt": "x", "duration": 1], wan)?.message == "duration must be between 2 and 15")
        #expect(refusal(["prompt": "x", "duration": 16], wan) != nil)
        #expect(refusal(["prompt": "x", "duration": .number(2.5)], wan) != nil)
        #expect(refusal(["prompt": "x", "duration": 15], wan) == nil)
        #expect(refusal(["prompt": ""], wan)?.message == "prompt cannot be empty")
        #expect(refusal(["prompt": .string(String(repeating: "ж", count: 5_000))], wan) == nil)
        #expect(refusal(["prompt": .string(String(repeating: "ж", count: 5_001))], wan)?.code == 422)
        let banana = try #require(catalogue.models["nano-banana-pro"])
        let nine = JSONValue.array(Array(repeating: "https://x.y/1.png", count: 9))
        #expect(refusal(["prompt": "x", "image_input": nine], banana)?.message.contains("at most 8") == true)
    }

    @Test func `the price follows the settings`() throws {
        let kling = try #require(catalogue.models["kling-3.0/video"])
        #expect(kling.cost(of: ["mode": "std", "sound": false, "duration": "5"]) == 70)
        #expect(kling.cost(of: ["mode": "pro", "sound": true, "duration": "10"]) == 270)
    }
}

@Suite struct KieScriptTests {
    @Test(arguments: [
        ("кот #отказ", "refuse once answered"), ("sandbox:double кот", "success double answered"),
        ("кот, #шквал!", "success storm answered"), ("#hang", "success once lostAnswer"),
        ("#429", "success once limit"), ("late night, early bird", "success once answered"),
    ])
    func `a word behind a mark decides, a bare word does not`(prompt: String, decided: String) {
        let script = KieScript(prompt: prompt)
        #expect("\(script.ending) \(script.callback) \(script.creation)" == decided)
    }

    @Test func `an ordered fault is used up`() {
        let book = FaultBook()
        _ = book.order(Fault(kind: .kieCallbackLost, remaining: 2, match: "wan"))
        var scripts: [KieScript.Callback] = []
        for model in ["kling", "wan/1", "wan/2", "wan/3"] {
            var script = KieScript(prompt: "")
            script.apply { book.take($0, subject: model) }
            scripts.append(script.callback)
        }
        #expect(scripts == [.once, .lost, .lost, .once])
        #expect(book.waiting.isEmpty)
    }
}

@Suite struct KieStateTests {
    private func task(_ id: String) -> KieTask {
        KieTask(
            id: id,
            model: "nano-banana-pro",
            input: ["prompt": "кот \"x\""],
            callbackURL: "http://gw/cb",
            base: "http://kie",
            script: KieScript(prompt: ""),
            cost: 18,
            createdAt: 1_000,
            dueAt: 3_000
        )
    }

    @Test func `the twenty-first task in ten seconds is refused, and refusals do not count`() {
        var state = KieState()
        let verdicts = ((0..<20).map { Int64($0) * 100 } + [5_000, 5_000, 5_000, 10_001]).map {
            state.admitCreation(of: 0, at: $0)
        }
        #expect(verdicts == Array(repeating: true, count: 20) + [false, false, false, true])
    }

    @Test func `a task is polled ten times a second`() {
        var state = KieState()
        let polls = Array(repeating: ("a", Int64(500)), count: 10) + [("a", 1_000), ("b", 1_000), ("a", 1_501)]
        let verdicts = polls.map { state.admitPoll(of: $0.0, at: $0.1) }
        #expect(verdicts == Array(repeating: true, count: 10) + [false, true, true])
    }

    @Test func `credits are taken once, by success only`() {
        var state = KieState(balance: 100)
        _ = state.insert(task("a"))
        _ = state.insert(task("b"))
        #expect(state.reserved == 36)
        _ = state.update("a") { $0.fail(code: "500", message: "x", at: 5) }
        #expect(state.balance == 100)
        _ = state.update("b") { $0.state = .success }
        _ = state.update("b") { $0.isToldOff = true }
        #expect(state.balance == 82)
        #expect(state.reserved == 0)
    }

    @Test func `as many tries fail as were asked for`() {
        var state = KieState()
        let tries: [(String, Int?)] = [("a", 1), ("a", 1), ("b", 1), ("a", nil)]
        let verdicts = tries.map { state.takesFailure(content: $0.0, limit: $0.1) }
        #expect(verdicts == [true, false, true, true])
    }

    @Test func `param is JSON text within JSON text and resultJson is text`() throws {
        var done = task("0fed32dd37be798d6decc632ead19e23")
        let model = try #require(try Resources().catalogue.models[done.model])
        #expect(done.record(now: 2_000)["resultJson"] == "")
        #expect(done.record(now: 2_000)["creditsConsumed"] == nil)
        done.succeed(KieResult(task: done, model: model), at: 3_500)
        let record = done.record(now: 4_000)
        let param = try JSONText.parse(try #require(record["param"]?.string))
        #expect(param["callBackUrl"] == "http://gw/cb")
        let input = try JSONText.parse(try #require(param["input"]?.string))
        #expect(input["prompt"] == "кот \"x\"")
        #expect(input["nsfw_checker"] == false)
        let result = try JSONText.parse(try #require(record["resultJson"]?.string))
        #expect(result["resultUrls"] == [.string("http://kie/kie/files/\(done.id)/1.png")])
        #expect(record["response"] == result)
        #expect(record["costTime"] == 2, "seconds")
        let callback = done.callbackBody(now: 4_000)
        #expect(callback["code"] == 200)
        #expect(callback["data"]?["state"] == "success")
        done.fail(code: "400", message: "flagged", at: 9)
        #expect(done.callbackBody(now: 9)["code"] == 501)
        #expect(done.record(now: 9)["creditsConsumed"] == .number(0))
    }

    @Test func `music comes as two tracks with covers`() throws {
        var song = task("0fed32dd37be798d6decc632ead19e23")
        song.model = "ai-music-api/generate"
        let result = KieResult(task: song, model: try #require(try Resources().catalogue.models[song.model]))
        #expect(result.json["data"]?.array?.count == 2)
        #expect(result.json["data"]?.array?.first?["audio_url"]?.string?.hasSuffix("/1.mp3") == true)
        #expect(result.files.count == 4)
    }

    @Test func `the same file is drawn the same every time, another task's differs`() throws {
        let resources = try Resources()
        for (name, type) in [
            ("1.png", "image/png"), ("1.mp4", "video/mp4"), ("1.mp3", "audio/mpeg"), ("1.wav", "audio/wav"),
        ] {
            let file = KieTask.File(name: name, mimeType: type)
            let first = KieDrawing.content(of: file, task: task("0fed32dd"), resources)
            #expect(first == KieDrawing.content(of: file, task: task("0fed32dd"), resources))
            #expect(first != KieDrawing.content(of: file, task: task("1fed32dd"), resources))
        }
    }
}
