import Concurrency
import Contracts
import Foundation
import HTTP
import Postgres
import ServiceKit
import TestSupport
import Testing

@testable import GenerationService

struct PromptTemplateTests {
    private func improve(
        _ text: String,
        _ task: ModelTask = .textToImage,
        _ output: MediaKind = .image,
        limit: Int? = nil
    )
        -> String
    {
        PromptTemplates.improved(text, task: task, output: output, limit: limit)
    }

    @Test func `what is missing is added in the user's language, what is said stays`() {
        #expect(
            improve("кот в скафандре.")
                == "кот в скафандре, мягкий объёмный свет, чёткая композиция, тонкая проработка деталей"
        )
        #expect(improve("a cat, close-up") == "a cat, close-up, soft volumetric light, fine detail")
        #expect(improve("фея летит", .textToVideo, .video).hasSuffix("кинематографичный свет"))
        #expect(improve("песня о море", .music, .audio).contains("средний темп"))
    }

    @Test func `nothing is added twice`() {
        let once = improve("кот в скафандре")
        #expect(improve(once) == once)
        let film = improve("a fox in snow", .textToVideo, .video)
        #expect(improve(film, .textToVideo, .video) == film)
    }

    @Test(arguments: [ModelTask.speech, .avatar, .transcription, .sound])
    func `spoken words stay the user's`(task: ModelTask) {
        #expect(improve("Добрый день!", task, .audio) == "Добрый день!")
    }

    @Test func `no more than the model takes`() {
        for limit in [10, 30, 50, 80] {
            let text = improve("кот", limit: limit)
            #expect(text.hasPrefix("кот") && text.unicodeScalars.count <= limit)
        }
    }

    @Test func `a script names the product and has three shots`() {
        let script = PromptTemplates.script("Кружка из бамбука,\n300 мл.", limit: nil)
        #expect(script.contains("Товар: Кружка из бамбука, 300 мл.\n") && script.contains("Кадр 3"))
        #expect(PromptTemplates.script("a bamboo mug", limit: nil).contains("Shot 3"))
        #expect(PromptTemplates.script("a bamboo mug", limit: 100) == "a bamboo mug")
    }

    @Test(arguments: [
        ("«лиса в лесу»", "лиса в лесу"), ("```text\na fox\n```", "a fox"), ("  \"a fox\" ", "a fox"),
        ("\"a\" and \"b\"", "\"a\" and \"b\""), ("a fox", "a fox"),
    ])
    func `quotes and fences around an answer are taken off`(answer: String, wanted: String) {
        #expect(PromptAssistant.cleaned(answer) == wanted)
    }

    @Test(arguments: ["", "  \n", "\"\"", "``````"])
    func `an answer without words is none, or what it is`(answer: String) {
        #expect(PromptAssistant.cleaned(answer).map { !$0.isEmpty } ?? true)
    }
}

@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct PromptHelpTests {
    private func help(
        _ bench: Bench,
        _ kind: PromptHelpKind,
        _ text: String = "кот",
        key: String = "help:\(UUID())",
        model: Int? = 5,
        user: UserID = 7
    ) async throws(CallError) -> HelpPrompt.Output {
        try await bench.conversation.call(
            HelpPrompt.self,
            HelpPrompt.Input(userID: user, kind: kind, text: text, modelNumber: model),
            key: key
        )
    }

    private func code(_ body: () async throws -> Void) async -> ProblemCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? CallError)?.problem?.code
        }
    }

    @Test func `without an assistant templates help, and nobody translates`() async throws {
        try await Bench.run { bench in
            let answer = try await help(bench, .improve)
            #expect(answer.before == "кот" && answer.after.hasPrefix("кот, ") && answer.source == .templates)
            #expect(answer.costKopecks == 0)
            #expect(try await help(bench, .script, "Кружка").after.contains("Кружка"))
            #expect(await code { _ = try await help(bench, .translate) } == .unavailable)
            #expect(try await bench.conversation.call(ListModels.self).translatesPrompts == false)
            #expect(await code { _ = try await help(bench, .improve, model: 999) } == .modelNotFound)
            #expect(await code { _ = try await help(bench, .improve, "") } == .malformedRequest)
        }
    }

    @Test func `a key answers once, and a user's day has an end`() async throws {
        try await Bench.run(["ATELIER_PROMPT_HELPS_PER_DAY": "2"]) { bench in
            let first = try await help(bench, .improve, key: "same")
            #expect(try await help(bench, .improve, key: "same") == first)
            #expect(await code { _ = try await help(bench, .improve, "пёс", key: "same") } == .idempotencyMismatch)
            _ = try await help(bench, .improve)
            #expect(await code { _ = try await help(bench, .improve) } == .limitExceeded)
            #expect(try await help(bench, .improve, key: "same") == first)
            _ = try await help(bench, .improve, user: 8)
            _ = try await bench.service.client(as: .operator)
                .call(EraseUser.self, parameters: .init(userID: 7), key: "erase")
            let left = try await ScratchDatabase.current.database.query("select count(*) from prompt_help")
            #expect(try left[0].decode(Int.self) == 1)
        }
    }

    @Test func `an assistant is asked once with the user's text as material, and templates stand in for it`()
        async throws
    {
        let said = Locked<String?>("«Кот в скафандре на Луне»")
        let asked = Locked<[JSONValue]>([])
        let server = try await StubServer.start { request in
            let body = try ContractJSON.decode(JSONValue.self, from: request.body)
            asked.withLock { $0.append(body) }
            guard request.path == "/v1/chat/completions", request.fields["Authorization"] == "Bearer sk-test" else {
                return .text(401, "no")
            }
            guard let text = said.withLock({ $0 }) else { return .text(503, "busy") }
            let answer: JSONValue = ["choices": [["message": ["role": "assistant", "content": .string(text)]]]]
            return .json(200, try ContractJSON.encode(answer))
        }
        let settings = [
            "ATELIER_ASSISTANT_URL": "\(server.url)/v1", "ATELIER_ASSISTANT_KEY": "sk-test",
            "ATELIER_ASSISTANT_MODEL": "small",
        ]
        try await Bench.run(settings) { bench in
            let answer = try await help(bench, .improve)
            #expect(answer.after == "Кот в скафандре на Луне" && answer.source == .assistant)
            let body = try #require(asked.withLock { $0 }.first)
            #expect(body["model"] == "small" && body["messages"]?.array?.last?["content"] == "кот")
            #expect(body["messages"]?.array?.first?["content"]?.string?.contains("material") == true)
            #expect(try await help(bench, .translate).source == .assistant)
            #expect(try await bench.conversation.call(ListModels.self).translatesPrompts == true)
            said.withLock { $0 = nil }
            #expect(try await help(bench, .improve).source == .templates)
            said.withLock { $0 = String(repeating: "ы", count: 20_001) }
            #expect(try await help(bench, .improve).source == .templates, "longer than the model takes")
            #expect(asked.withLock { $0.count } == 4, "never asked twice for one suggestion")
            #expect(!bench.service.log.lines.contains { $0.contains("sk-test") || $0.contains("скафандр") })
        }
        await server.stop()
    }
}
