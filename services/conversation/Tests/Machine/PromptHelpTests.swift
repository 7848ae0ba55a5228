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

    @Test func `there is no help before there are words`() {
        var user = Driver()
        user.take(Make.text("/start"))
        user.take(Make.press(CallbackData(.start(2), draftSerial: 0).text))
        #expect(!user.panelButtons.contains { $0.contains("Улучшить") })
    }
}
