import Contracts
import Testing
import Time

@testable import ConversationService

/// What came unprompted is not lost, whatever way it takes to a model.
@Suite struct OfferTests {
    /// From the offer through the lists to a model's composer.
    private func choose(_ task: String, _ model: String, _ user: inout Driver) {
        user.press("Другое…")
        user.press(task)
        user.press(model)
        user.press("Начать")
    }

    @Test func `a photo goes along to a model that is found in the lists`() {
        var user = Driver()
        user.take(Make.photo(caption: "сделай море"))
        choose("Изменить фото", "Nano Banana Pro", &user)
        #expect(user.session?.draft?.media["image_urls"] == [Make.image()])
        #expect(user.session?.draft?.inputs["prompt"] == "сделай море" && user.session?.offer == nil)
    }

    @Test func `a long text that the client split is offered as one`() {
        var user = Driver()
        user.take(Make.text(String(repeating: "а", count: 4_096)))
        user.take(Make.text("конец", at: Make.now + .seconds(1)))
        #expect(user.session?.offer?.text?.unicodeScalars.count == 4_101 && user.panelText.contains("Склеил"))
        user.press("Картинка")
        #expect(user.session?.draft?.inputs["prompt"]?.string?.hasSuffix("аконец") == true)
        user.take(Make.text("/models"))
        user.take(Make.text("новый запрос", at: Make.now + .seconds(60)))
        #expect(user.session?.offer?.text == "новый запрос")
    }

    @Test(arguments: [true, false])
    func `the correction of one piece of a joined text does not replace the whole`(isComposing: Bool) {
        var user = Driver()
        if isComposing { user.compose() }
        user.take(Make.text(String(repeating: "а", count: 4_096), id: 600))
        user.take(Make.text("конец", id: 601, at: Make.now + .seconds(1)))
        if !isComposing { user.press("Картинка") }
        var edit = Make.text("финал", id: 601)
        if case .message(let message) = edit.content { edit.content = .editedMessage(message) }
        #expect(user.take(edit).outcome == .quiet)
        #expect(user.session?.draft?.inputs["prompt"]?.string?.unicodeScalars.count == 4_101)
    }

    @Test func `words after a photo with a caption are for that photo`() {
        var user = Driver()
        user.take(Make.photo(caption: "сделай море"))
        user.take(Make.text("нет, лучше горы"))
        #expect(user.session?.offer?.media == [Make.image()] && user.session?.offer?.text == "нет, лучше горы")
    }

    @Test func `a photo goes before the draft that was there, which is put aside`() {
        var user = Driver()
        user.compose(5, "песня о лисе")
        user.take(Make.text("/models"))
        user.take(Make.photo())
        choose("Изменить фото", "Nano Banana Pro", &user)
        #expect(user.session?.draft?.media["image_urls"] == [Make.image()])
        #expect(user.session?.parked.map { $0.inputs["prompt"] } == ["песня о лисе"])
    }

    @Test func `every draft that was put aside has a button, and a second tap opens no other one`() throws {
        var user = Driver()
        for number in 1...6 {
            user.take(Make.text("лиса \(number)"))
            user.take(Make.press(CallbackData(.keepOffer, draftSerial: nil).text))
        }
        let home = user.panel
        let parked = user.session?.parked.compactMap { $0.inputs["prompt"]?.string } ?? []
        try #require(parked.count == 5)
        #expect(parked.allSatisfy { prompt in user.panelButtons.contains { $0.contains(prompt) } })
        user.press(parked[1], on: home)
        #expect(user.session?.draft?.inputs["prompt"]?.string == parked[1])
        user.press(parked[1], on: home)
        #expect(user.session?.draft?.inputs["prompt"]?.string == parked[1] && user.screen == .composer)
        #expect(user.toast?.text == "Кнопка устарела, обновил экран")
    }

    @Test func `the way back over the model's card keeps a trial and what one has paid`() {
        var user = Driver()
        user.compose()
        user.session?.editDraft { ($0.trial, $0.full) = (GoldenScreensTests.jobID, ["resolution": "4K"]) }
        let draft = user.session?.draft
        user.press("Назад")
        #expect(user.screen == .model(number: 2))
        user.press("Начать")
        #expect(user.screen == .composer && user.session?.draft?.isSameRun(as: draft ?? Draft(modelNumber: 0)) == true)
    }

    @Test func `a model that does not take the photo leaves it for one that does`() {
        var user = Driver()
        user.take(Make.photo())
        choose("Музыка", "Suno Song", &user)
        #expect(user.session?.draft?.modelNumber == 5 && user.session?.offer?.media == [Make.image()])
        user.take(Make.press(CallbackData(.start(20), draftSerial: 0).text))
        #expect(user.session?.draft?.media["image_url"] == [Make.image()])
    }

    @Test func `files of an album that a model has no room for are spoken of, and the first stays`() {
        var user = Driver()
        for index in 1...3 { user.take(Make.photo("photo-\(index)", album: "g1")) }
        user.press("Оживить")
        #expect(user.session?.draft?.media["image_url"] == [Make.image("photo-1")])
        #expect(user.panelText.contains("Лишние файлы альбома модель не берёт"))
    }

    @Test func `an album opens a model with room for all of it, though another is cheaper`() {
        var user = Driver()
        let single = Sample.model(
            30,
            "One Photo",
            [.imageToImage],
            kopecks: 100,
            [Sample.prompt, Sample.file("image_url", .image, "Фото", "Photo")]
        )
        user.catalogue = FollowTests.catalogue(with: [single])
        for index in 1...3 { user.take(Make.photo("photo-\(index)", album: "g1")) }
        user.press("Изменить фото")
        #expect(user.session?.draft?.modelNumber == 2 && user.session?.draft?.media["image_urls"]?.count == 3)
        #expect(!user.panelText.contains("Лишние файлы"))
    }

    @Test func `a video that is too large is said to be, not just asked for`() {
        var user = Driver()
        user.catalogue = FollowTests.catalogue(with: FollowTests.larger)
        let file = MediaReference(telegramFileID: "video-1", kind: .video, mimeType: "video/mp4", sizeBytes: 30 << 20)
        user.take(Make.message(.media(file, caption: nil)))
        user.press("Увеличить")
        #expect(user.panelText.contains("Файл больше 20 МБ") && user.panelText.contains("Пришлите видео"))
    }

    @Test func `a draft that was worked on since goes along to another model, not the offer`() {
        var user = Driver()
        user.take(Make.photo())
        choose("Музыка", "Suno Song", &user)
        user.take(Make.text("песня о лисе"))
        user.take(Make.press(CallbackData(.start(2), draftSerial: 0).text))
        #expect(user.session?.draft?.inputs["prompt"] == "песня о лисе" && user.session?.draft?.media.isEmpty == true)
    }
}
