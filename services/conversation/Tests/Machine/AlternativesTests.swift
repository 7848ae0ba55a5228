import Contracts
import Testing
import Time

@testable import ConversationService

/// Where a model ails, is not sold or has failed, others are offered with their prices, and only a press takes one.
@Suite struct AlternativesTests {
    static let offers = [
        ModelAlternative(modelNumber: 1, priceKopecks: 0), ModelAlternative(modelNumber: 12, priceKopecks: 1_200),
    ]
    static let refusal = Problem(
        .modelUnavailable,
        members: [
            "reason": "unwell",
            "alternatives": [
                ["model_number": 1, "price_kopecks": 0], ["model_number": 12, "price_kopecks": 1_200],
                ["model_number": 999, "price_kopecks": 5], ["price_kopecks": 5],
            ],
        ]
    )

    static func without(_ number: Int) -> Catalogue {
        Catalogue(ListModels.Output(revision: "less", models: Sample.models.filter { $0.number != number }))
    }

    @Test func `an ailing model's price comes with others, and nothing changes without a press`() throws {
        var user = Driver()
        user.alternatives = Self.offers
        user.compose()
        #expect(user.screen == .composer && user.session?.draft?.modelNumber == 2)
        #expect(user.panelText.contains("часто ошибается") && user.panelText.contains("То же самое умеют"))
        #expect(
            user.panelButtons.contains("Z-Image · бесплатно") && user.panelButtons.contains("Painter 12 · 12\u{A0}₽")
        )
        user.press("Сгенерировать")
        #expect(user.created.count == 1, "the user's own choice still runs")
    }

    @Test func `the other model gets the words, the files and the settings that fit, and a quote of its own`() throws {
        var user = Driver()
        user.alternatives = Self.offers
        user.compose()
        user.session?.editDraft { draft in
            draft.set("aspect_ratio", to: "16:9")
            draft.set("resolution", to: "4K")
            draft.copies = 3
        }
        user.take(Make.press("?"))
        user.price = 4_200
        user.press("Z-Image")
        let draft = try #require(user.session?.draft)
        #expect(draft.modelNumber == 1 && draft.inputs == ["prompt": "рыжая лиса", "aspect_ratio": "16:9"])
        #expect(draft.copies == 3 && user.wants.quote?.modelNumber == 1 && user.screen == .composer)
        #expect(draft.price?.kopecks == 4_200 && user.created.isEmpty && user.session?.parked == [])
    }

    @Test func `the confirm screen offers others too`() {
        var user = Driver()
        (user.alternatives, user.price) = (Self.offers, 90_000)
        user.compose()
        user.press("Сгенерировать")
        #expect(user.screen == .confirm && user.panelButtons.contains("Painter 12 · 12\u{A0}₽"))
        user.press("Painter 12")
        #expect(user.session?.draft?.modelNumber == 12 && user.created.isEmpty)
    }

    @Test func `a refused price names others that are in the catalogue, once`() {
        var user = Driver()
        user.quoteProblem = Self.refusal
        user.compose()
        #expect(user.panelButtons.filter { $0.contains(" · ") } == ["Z-Image · бесплатно", "Painter 12 · 12\u{A0}₽"])
        #expect(user.panelText.contains("недоступна") && !user.panelText.contains("часто ошибается"))
        user.quoteProblem = nil
        user.press("Painter 12")
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса" && user.session?.draft?.modelNumber == 12)
    }

    @Test func `a model that left the catalogue leaves its draft, and its absence is asked about`() {
        var user = Driver()
        user.compose()
        (user.catalogue, user.quoteProblem) = (Self.without(2), Self.refusal)
        user.press("Сгенерировать")
        #expect(user.screen == .unavailable && user.wants.quote?.modelNumber == 2)
        #expect(user.panelText.contains("Этой модели сейчас нет") && user.panelText.contains("рыжая лиса"))
        user.press("Попробовать ещё раз")
        #expect(user.screen == .unavailable)
        let away = user
        user.quoteProblem = nil
        user.press("Z-Image")
        #expect(user.screen == .composer && user.session?.draft?.modelNumber == 1)
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса")
        // It may also come back.
        var waited = away
        (waited.catalogue, waited.quoteProblem) = (Sample.catalogue, nil)
        waited.take(Make.press("?"))
        #expect(waited.screen == .composer && waited.session?.draft?.modelNumber == 2)
    }

    @Test func `a draft of a model that left can be thrown away`() {
        var user = Driver()
        user.compose()
        user.catalogue = Self.without(2)
        user.take(Make.press("?"))
        user.press("Удалить")
        #expect(user.screen == .discard)
        user.press("Да")
        #expect(user.session?.draft == nil && user.screen == .home)
    }

    @Test func `a run that is refused because its model is not sold any more asks who can do the same`() {
        var user = Driver()
        let job = user.launch()
        user.quoteProblem = Self.refusal
        user.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(.modelUnavailable)))))
        #expect(user.wants.quote != nil && user.panelButtons.contains("Z-Image · бесплатно"))
        #expect(user.panelText.ranges(of: "недоступна").count == 1)
    }

    @Test func `a failed run names others, also much later, and takes the wish along`() throws {
        var user = Driver()
        let id = user.launch()
        var failed = Make.job(id, .failed, charged: 0, failure: .provider)
        failed.alternatives = Self.offers + [ModelAlternative(modelNumber: 999, priceKopecks: 1)]
        user.take(.fact(Make.fact(.jobFailed, job: failed)))
        let message = try #require(user.messages.first).input.content
        #expect(
            message.text.contains("Деньги вернулись на баланс: 14\u{A0}₽.")
                && message.text.contains("То же самое умеют")
        )
        user.compose(5, "песня о лисе")
        user.press("Painter 12 · 12\u{A0}₽", on: message)
        #expect(user.session?.draft?.modelNumber == 12 && user.session?.draft?.inputs["prompt"] == "рыжая лиса")
        #expect(user.wants.quote?.modelNumber == 12 && user.created.count == 1)
        #expect(user.session?.parked.map(\.modelNumber) == [5], "what was being put together is put aside")
    }

    @Test func `a trial has no others`() {
        var user = Driver()
        user.alternatives = Self.offers
        user.compose()
        user.session?.editDraft { $0.full = ["resolution": "4K"] }
        user.take(Make.press("?"))
        #expect(!user.panelButtons.contains("Z-Image · бесплатно"))
    }
}
