import Contracts
import Testing

@testable import ConversationService

/// Models are called by the same name everywhere, in the user's language; reports know the Russian one.
@Suite struct TitleTests {
    /// Somebody who reads English, with a catalogue that knows English titles.
    private var reader: Driver {
        var user = Driver()
        user.settings = UserSettings(language: .english, isLanguageChosen: true)
        var models = Sample.models
        models[1].titles = Sample.text("Банан", "Banana")
        models[2].titles = Sample.text("Клинг", "Kling")
        user.catalogue = Catalogue(ListModels.Output(revision: "titles", models: models))
        return user
    }

    @Test func `lists of jobs and the history call a model as the catalogue does`() {
        var user = reader
        user.take(Make.text("/start"))
        user.listedJobs = [Make.job(GoldenScreensTests.jobID, .succeeded, charged: 1_250)]
        for command in ["/jobs", "/history"] {
            user.take(Make.text(command))
            #expect(user.panelText.contains("Banana") && !user.panelText.contains("Nano"), "\(command)")
        }
    }

    @Test func `the steps of a chain are called as the catalogue does`() {
        var user = reader
        GoldenScreensTests.group(&user, stages: 2, [.succeeded, .running])
        let card = user.jobCards.first?.content.text ?? ""
        #expect(card.contains("1. Banana:") && card.contains("2. Kling:"))
    }

    @Test func `a model that is not sold any more keeps the name that it had`() {
        var user = reader
        user.catalogue = AlternativesTests.without(2)
        user.take(Make.text("/start"))
        user.listedJobs = [Make.job(GoldenScreensTests.jobID, .succeeded, charged: 1_250)]
        user.take(Make.text("/history"))
        #expect(user.panelText.contains("Nano Banana Pro"))
    }
}
