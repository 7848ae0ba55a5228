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

    @Test func `a later stage is never given to a model that would have to ask for words`() {
        #expect(Follow.chain([.imageToVideo], from: .image, text: nil, in: Sample.catalogue) == nil)
        #expect(Follow.chain([.imageToVideo], from: .image, text: "лети", in: Sample.catalogue)?.count == 1)
    }
}
