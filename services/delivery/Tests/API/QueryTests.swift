import Contracts
import Foundation
import HTTP
import HTTPClient
import ServiceKit
import TestSupport
import Testing

@testable import DeliveryService

@Suite(.scratchDatabase(migrations: "services/delivery/migrations"))
struct QueryTests {
    @Test func `a pressed button is answered at once, with its text cut to what Telegram takes`() async throws {
        try await DeliveryFixture.run { fixture in
            let input = AnswerCallback.Input(
                callbackQueryID: "77",
                text: String(repeating: "я", count: 300),
                isAlert: true
            )
            _ = try await fixture.conversation.call(
                AnswerCallback.self,
                input,
                parameters: NoParameters(),
                key: "cb"
            )
            await eventually { fixture.telegram.calls(of: "answerCallbackQuery").count == 1 }
            let call = try #require(fixture.telegram.calls(of: "answerCallbackQuery").first)
            #expect(call.parameters["callback_query_id"] == "77")
            #expect(call.parameters["text"]?.string?.utf16.count == 200)
            #expect(call.parameters["show_alert"] == true)
        }
    }

    @Test func `a pre-checkout answer is repeated until Telegram has taken it`() async throws {
        let telegram = FakeTelegram()
        telegram.fail("answerPreCheckoutQuery", .refuse(status: 502, ""), .refuse(status: 500, "Internal Server Error"))
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            _ = try await fixture.service.client(as: .payments).call(
                AnswerPreCheckout.self,
                .init(preCheckoutQueryID: "9", refusal: "sold out"),
                parameters: NoParameters(),
                key: "pc"
            )
            let call = try #require(telegram.calls(of: "answerPreCheckoutQuery").last)
            #expect(telegram.calls(of: "answerPreCheckoutQuery").count == 3)
            #expect(call.parameters["ok"] == false)
            #expect(call.parameters["error_message"] == "sold out")
        }
    }

    @Test(arguments: [
        ("Bad Request: query is too old and response timeout expired or query ID is invalid", ProblemCode.notFound),
        ("Bad Request: something else", .messageInvalid),
    ])
    func `a pre-checkout answer that can't succeed is not repeated`(text: String, code: ProblemCode) async throws {
        let telegram = FakeTelegram()
        telegram.fail("answerPreCheckoutQuery", .refuse(status: 400, text))
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            do {
                _ = try await fixture.service.client(as: .payments).call(
                    AnswerPreCheckout.self,
                    .init(preCheckoutQueryID: "9"),
                    parameters: NoParameters(),
                    key: "pc"
                )
                Issue.record("the answer was taken")
            } catch {
                #expect((error as? CallError)?.problem?.code == code)
            }
            #expect(telegram.calls(of: "answerPreCheckoutQuery").count == 1)
        }
    }

    @Test func `a user's file is read through without the token being seen`() async throws {
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        let telegram = FakeTelegram()
        telegram.addFile("photos/AgAC", bytes)
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            let path = NSTemporaryDirectory() + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: path) }
            let generation = fixture.service.client(as: .generation)
            let file = try await generation.download("/v1/telegram-files/AgAC", to: path, maximumBytes: 1 << 20)
            #expect(file.bytes == 200_000)
            #expect(file.fields["Content-Type"] == "image/jpeg")
            #expect(file.fields["ETag"] == file.sha256.map { "\"\($0)\"" })
            #expect(FileManager.default.contents(atPath: path).map(Array.init) == bytes)
            do {
                _ = try await generation.download("/v1/telegram-files/unknown", to: path, maximumBytes: 1 << 20)
                Issue.record("a file that does not exist was read")
            } catch {
                #expect((error as? CallError)?.problem?.code == .fileNotFound)
            }
        }
    }

    @Test func `the webhook, its secret and the command menu are registered, however often it takes`() async throws {
        let telegram = FakeTelegram()
        telegram.fail("setWebhook", .refuse(status: 429, "Too Many Requests: retry after 1"), .refuse(status: 502, ""))
        let environment = [
            "ATELIER_PUBLIC_URL": "https://gw.example.com/", "ATELIER_TELEGRAM_WEBHOOK_SECRET": "s3cret_-",
        ]
        try await DeliveryFixture.run(telegram: telegram, environment: environment) { fixture in
            await eventually { telegram.calls(of: "setMyCommands").count == 2 }
            let call = try #require(telegram.calls(of: "setWebhook").last)
            #expect(telegram.calls(of: "setWebhook").count == 3)
            #expect(call.parameters["url"] == "https://gw.example.com/webhooks/telegram/main")
            #expect(call.parameters["secret_token"] == "s3cret_-")
            let kinds = call.parameters["allowed_updates"]?.array?.compactMap(\.string) ?? []
            #expect(Set(kinds).isSuperset(of: ["message", "callback_query", "pre_checkout_query", "my_chat_member"]))
        }
    }

    @Test(arguments: [
        ["ATELIER_TELEGRAM_BOT_TOKEN": "no-number"], ["ATELIER_PUBLIC_URL": "https://gw.example.com"],
        ["ATELIER_PUBLIC_URL": "https://gw.example.com", "ATELIER_TELEGRAM_WEBHOOK_SECRET": "with space"],
    ])
    func `a configuration that can't work is refused at the start`(environment: [String: String]) async throws {
        await #expect(throws: (any Error).self) {
            try await DeliveryFixture.run(environment: environment) { _ in }
        }
    }
}
