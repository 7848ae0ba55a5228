import Contracts
import Testing

@testable import ConversationService

/// Better words are suggested, shown beside the user's own, and taken only when the user says so.
struct PromptHelpScreenTests {
    private func suggestion(_ after: String) -> HelpOutcome {
        .suggested(HelpPrompt.Output(before: "рыжая лиса", after: after, source: .templates, costKopecks: 0))
    }

    private func prompt(_ user: Driver) -> JSONValue? { user.session?.draft?.inputs["prompt"] }

    @Test func `a suggestion is shown before it is taken`() {
        var user = Driver()
        user.compose()
        user.help = suggestion("рыжая лиса, мягкий свет")
        user.press("Улучшить")
        #expect(user.wants.help == HelpWish(kind: .improve, text: "рыжая лиса", modelNumber: 2))
        #expect(user.panelText.contains("рыжая лиса</blockquote>") && user.panelText.contains("мягкий свет"))
        #expect(prompt(user) == "рыжая лиса")
        user.press("Взять")
        #expect(prompt(user) == "рыжая лиса, мягкий свет" && user.screen == .composer)
        #expect(user.session?.suggestion == nil)
    }

    @Test func `a second tap while words are looked for uses up no other suggestion`() {
        var user = Driver()
        user.compose()
        let composer = user.panel
        user.help = suggestion("рыжая лиса, мягкий свет")
        user.press("Улучшить", on: composer)
        #expect(user.toast?.text == "Подбираю слова…")
        user.help = suggestion("рыжая лиса, туман")
        user.press("Улучшить", on: composer)
        #expect(user.wants.help == nil && user.screen == .promptHelp)
        #expect(user.session?.suggestion?.after == "рыжая лиса, мягкий свет")
        user.press("Ещё")
        #expect(user.session?.suggestion?.after == "рыжая лиса, туман", "the screen's own button asks for another")
    }

    @Test func `long words in letters of two units still fit into one message`() {
        var user = Driver()
        let foxes = String(repeating: "🦊", count: 1_500)
        user.compose(2, foxes)
        user.help = .suggested(HelpPrompt.Output(before: foxes, after: foxes + "!", source: .templates, costKopecks: 0))
        user.press("Улучшить")
        #expect(user.screen == .promptHelp && user.panelText.utf16.count <= 4_096)
    }

    @Test func `keeping the own words changes nothing`() {
        var user = Driver()
        user.compose()
        user.help = suggestion("другое")
        user.press("Улучшить")
        let price = user.session?.draft?.price
        user.press("Оставить мой")
        #expect(prompt(user) == "рыжая лиса" && user.screen == .composer && user.session?.draft?.price == price)
    }

    @Test(arguments: [
        HelpOutcome.unavailable, .refused(Problem(.limitExceeded)), .refused(Problem(.modelNotFound)),
        .suggested(HelpPrompt.Output(before: "рыжая лиса", after: "рыжая лиса", source: .templates, costKopecks: 0)),
    ])
    func `without a suggestion the composer says so`(outcome: HelpOutcome) {
        var user = Driver()
        user.compose()
        user.help = outcome
        user.press("Улучшить")
        #expect(user.screen == .composer && prompt(user) == "рыжая лиса")
        #expect(user.panelText.contains("запрос") || user.panelText.contains("Запрос"))
    }

    @Test func `a suggestion for other words can't be taken`() {
        var user = Driver()
        user.compose()
        user.help = suggestion("рыжая лиса, мягкий свет")
        user.press("Улучшить")
        let old = user.panel
        user.take(Make.text("синий кит"))
        user.press("Взять", on: old)
        #expect(prompt(user) != "рыжая лиса, мягкий свет")
    }

    @Test func `a translation is shown beside the own words with its price, and either may be kept`() {
        var user = Driver()
        user.compose()
        let translated = HelpPrompt.Output(
            before: "рыжая лиса",
            after: "a red fox",
            source: .assistant,
            costKopecks: 150
        )
        user.help = .suggested(translated)
        user.press("На английский")
        #expect(user.wants.help == HelpWish(kind: .translate, text: "рыжая лиса", modelNumber: 2))
        #expect(user.panelText.contains("рыжая лиса</blockquote>") && user.panelText.contains("a red fox"))
        #expect(user.panelText.contains("По-английски") && user.panelText.contains("1,50\u{A0}₽"))
        var keeping = user
        keeping.press("Оставить мой")
        #expect(prompt(keeping) == "рыжая лиса")
        user.press("Взять")
        #expect(prompt(user) == "a red fox" && user.screen == .composer)
        #expect(!user.panelButtons.contains { $0.contains("На английский") }, "it is English now")
    }

    @Test func `a translation that fails or changes nothing leaves the words`() {
        for (outcome, said) in [
            (HelpOutcome.unavailable, "Перевести сейчас не получилось"),
            (suggestion("рыжая лиса"), "уже на английском"),
        ] {
            var user = Driver()
            user.compose()
            user.help = outcome
            user.press("На английский")
            #expect(user.screen == .composer && prompt(user) == "рыжая лиса" && user.panelText.contains(said))
        }
    }

    @Test func `without an assistant nobody offers to translate, and spoken words are never translated`() {
        var user = Driver()
        user.catalogue = Catalogue(ListModels.Output(revision: "r2", models: Sample.models))
        user.compose()
        #expect(user.panelButtons.contains { $0.contains("Улучшить") })
        #expect(!user.panelButtons.contains { $0.contains("На английский") })
        var speaker = Driver()
        speaker.compose(7, "Добрый день!")
        #expect(!speaker.panelButtons.contains { $0.contains("На английский") })
    }

    @Test func `there is no help before there are words`() {
        var user = Driver()
        user.take(Make.text("/start"))
        user.take(Make.press(CallbackData(.start(2), draftSerial: 0).text))
        #expect(!user.panelButtons.contains { $0.contains("Улучшить") })
    }
}
