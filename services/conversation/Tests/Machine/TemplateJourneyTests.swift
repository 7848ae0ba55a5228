import Contracts
import Testing
import Time

@testable import ConversationService

/// A prompt from a template: questions one by one, then the composer with the words in it.
@Suite struct TemplateJourneyTests {
    private func open() -> Driver {
        var user = Driver()
        user.take(Make.photo())
        user.take(Make.press(CallbackData(.start(3), draftSerial: 0).text))
        user.press("Шаблоны запроса")
        return user
    }

    @Test func `questions are answered by typing or pressing, and the prompt can be changed afterwards`() {
        var user = open()
        #expect(user.screen == .templates && user.panelText.contains("Рассказ &amp; показ."))
        user.press("Обзор")
        #expect(user.screen == .template && user.panelText.contains("1/2") && user.panelText.contains("до 40"))
        #expect(!user.panelButtons.contains("Пропустить"), "what is needed can't be skipped")
        user.take(Make.text("зелёный чай {style}"))
        #expect(user.panelText.contains("2/2"))
        user.press("студийный")
        #expect(user.screen == .composer)
        let prompt = "Человек держит зелёный чай {style}. Стиль: студийный."
        #expect(user.session?.draft?.inputs["prompt"] == .string(prompt))
        #expect(user.session?.draft?.media["image_url"]?.count == 1 && user.session?.filling == nil)
        user.take(Make.text("Просто чай"))
        #expect(user.session?.draft?.inputs["prompt"] == "Просто чай")
    }

    @Test func `an answer that is too long is asked for again, one that is not needed is skipped`() {
        var user = open()
        user.press("Обзор")
        user.take(Make.text(String(repeating: "д", count: 41)))
        #expect(user.screen == .template && user.panelText.contains("предел — 40\u{A0}знаков"))
        user.take(Make.text("чай"))
        user.press("Пропустить")
        #expect(user.session?.draft?.inputs["prompt"] == "Человек держит чай.")
    }

    @Test func `a template that the operator takes away meanwhile leads back to the composer's list`() {
        var user = open()
        user.press("Обзор")
        user.take(Make.text("чай"))
        let asked = user.panel
        user.catalogue.templates = []
        user.press("студийный", on: asked)
        #expect(user.toast?.text.isEmpty == false && user.session?.draft != nil)
        user.take(Make.text("чай на закате"))
        #expect(user.session?.draft?.inputs["prompt"] == "чай на закате", "words are never lost")
    }

    @Test func `models of other tasks have no templates`() {
        var user = Driver()
        user.compose()
        #expect(!user.panelButtons.contains { $0.contains("Шаблоны") })
    }
}
