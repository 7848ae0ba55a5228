import Contracts
import Testing

@testable import ConversationService

/// Which model a next step or an offer opens.
@Suite struct FollowTests {
    /// The sample's models and others.
    static func catalogue(with more: [Model]) -> Catalogue {
        Catalogue(ListModels.Output(revision: "more", models: Sample.models + more))
    }

    /// Takes a picture and no words, and costs next to nothing.
    static let reframe = Sample.model(
        30,
        "Reframe",
        [.imageToImage],
        kopecks: 100,
        [Sample.file("image_url", .image, "Фото", "Photo")]
    )

    @Test func `changing a result opens a model that can be told how, not a cheaper one that can't`() throws {
        var user = Driver()
        user.catalogue = Self.catalogue(with: [Self.reframe])
        let job = user.launch()
        let done = Make.job(job, .succeeded, charged: 1_400, assets: [Make.asset()])
        user.take(.fact(Make.fact(.jobSucceeded, job: done)))
        user.press("Изменить фото", on: user.messages.first?.input.content)
        #expect(user.session?.draft?.modelNumber == 2)
        #expect(user.panelText.contains("Напишите, что должно получиться"))
    }

    @Test(arguments: [nil, "сделай море"])
    func `changing a photo that was sent opens a model that can be told how`(caption: String?) {
        var user = Driver()
        user.catalogue = Self.catalogue(with: [Self.reframe])
        user.take(Make.photo(caption: caption))
        user.press("Изменить фото")
        #expect(user.session?.draft?.modelNumber == 2)
        #expect(user.session?.draft?.inputs["prompt"]?.string == caption)
    }

    @Test func `a task that needs no words keeps its cheapest ready model`() {
        let file = Make.image()
        #expect(Sample.catalogue.suggestion(for: .upscale, media: [file], text: nil)?.number == 20)
        let only = Catalogue(ListModels.Output(revision: "only", models: [Self.reframe]))
        #expect(only.suggestion(for: .imageToImage, media: [file], text: "море")?.number == 30)
    }

    /// Makes larger what model 3 made, and nothing else; the other one takes any video but costs more.
    static let larger: [Model] = [
        bound("task_id", makers: [3], Sample.model(31, "Kling 1080p", [.upscale], .video, kopecks: 50, [])),
        bound("task_id", makers: [3], Sample.model(32, "Kling 4K", [.upscale], .video, kopecks: 70, [])),
        Sample.model(
            33,
            "Any Upscale",
            [.upscale],
            .video,
            kopecks: 9_000,
            [Sample.file("video_url", .video, "Видео", "Video")]
        ),
    ]

    private static func bound(_ name: String, makers: [Int], _ model: Model) -> Model {
        var (model, input) = (model, Sample.file(name, .video, "Видео из Kling", "A Kling video"))
        input.madeBy = makers
        model.inputs = [input]
        return model
    }

    private func video(madeBy model: Int, _ user: inout Driver) -> MessageContent? {
        user.catalogue = Self.catalogue(with: Self.larger)
        let job = user.launch(2)
        user.jobs[job]?.draft.modelNumber = model
        let done = Make.job(job, .succeeded, charged: 1_400, assets: [Make.asset(.video)])
        user.take(.fact(Make.fact(.jobSucceeded, job: done)))
        return user.messages.first?.input.content
    }

    @Test(arguments: [(3, 31), (2, 33)])
    func `a step that only takes its own maker's results is taken for those alone`(maker: Int, step: Int) {
        var user = Driver()
        let result = video(madeBy: maker, &user)
        user.press("Увеличить", on: result)
        #expect(user.session?.draft?.modelNumber == step)
        #expect(user.session?.draft?.media.count == 1 && user.panelButtons.first?.contains("Сгенерировать") == true)
    }

    @Test func `a result stays in its place when another step that takes it is chosen`() {
        var user = Driver()
        let result = video(madeBy: 3, &user)
        user.press("Увеличить", on: result)
        user.take(Make.press(CallbackData(.start(32), draftSerial: nil).text))
        #expect(user.session?.draft?.modelNumber == 32 && user.session?.draft?.media["task_id"]?.count == 1)
    }

    @Test func `a video from elsewhere never goes where a result belongs`() {
        var user = Driver()
        user.catalogue = Self.catalogue(with: Self.larger)
        let file = MediaReference(telegramFileID: "video-1", kind: .video, mimeType: "video/mp4", sizeBytes: 1_000)
        user.take(Make.message(.media(file, caption: nil)))
        user.press("Увеличить")
        #expect(user.session?.draft?.modelNumber == 33)
        user.take(Make.press(CallbackData(.start(31), draftSerial: nil).text))
        #expect(user.session?.draft?.media["task_id"] == nil)
        #expect(user.panelText.contains("Нужен готовый результат: Видео из Kling. Откройте его в истории"))
    }

    @Test func `a voice message is offered to be written down where a model does that`() {
        var user = Driver()
        let scribe = Sample.model(
            34,
            "Scribe",
            [.transcription],
            .text,
            kopecks: 200,
            [Sample.file("audio_url", .audio, "Запись", "Recording")]
        )
        user.catalogue = Self.catalogue(with: [scribe])
        let voice = MediaReference(telegramFileID: "voice-1", kind: .audio, mimeType: "audio/ogg", sizeBytes: 9_000)
        user.take(Make.message(.media(voice, caption: nil)))
        user.press("Речь в текст")
        #expect(user.session?.draft?.modelNumber == 34 && user.session?.draft?.media["audio_url"] == [voice])
    }

    @Test(arguments: [(2, true), (20, false)])
    func `new words are asked for only where a model takes some`(model: Int, areAsked: Bool) {
        var user = Driver()
        let job = user.launch()
        user.jobs[job]?.draft = Draft(modelNumber: model).filled(
            text: "лиса",
            media: [Make.image()],
            model: Sample.catalogue.model(model) ?? Self.reframe
        )
        user.take(Make.press(CallbackData(.edit(job.short), draftSerial: nil).text))
        #expect(user.screen == .composer && user.panelText.contains("Пришлите новый текст") == areAsked)
    }

    @Test func `a later stage is never given to a model that would have to ask for words`() {
        #expect(Follow.chain([.imageToVideo], from: .image, madeBy: 2, text: nil, in: Sample.catalogue) == nil)
        #expect(Follow.chain([.imageToVideo], from: .image, madeBy: 2, text: "лети", in: Sample.catalogue)?.count == 1)
    }
}
