import Contracts
import HTTP
import ServiceKit
import TestSupport
import Testing
import Time

@testable import DeliveryService

/// Delivery with a fake Telegram and a fake generation around it.
struct DeliveryFixture {
    let telegram: FakeTelegram
    let service: TestService<DeliveryService>
    let conversation: InternalClient

    /// Assets that generation serves, by their SHA-256 member; the id in the path does not matter.
    static func run(
        telegram: FakeTelegram = FakeTelegram(),
        environment: [String: String] = [:],
        assetStatus: Int = 200,
        waits: Bool = true,
        _ body: (DeliveryFixture) async throws -> Void
    ) async throws {
        let api = try await telegram.serve()
        let generation = try await StubServer.start { request in
            guard assetStatus == 200 else {
                let codes: [Int: ProblemCode] = [404: .assetNotFound, 401: .unauthenticated]
                let code = codes[assetStatus] ?? .unavailable
                return .json(assetStatus, try ContractJSON.encode(Problem(code)))
            }
            if request.path.hasSuffix("/link") {
                let link = GetAssetLink.Output(url: "https://bot.example/files/x", expiresAt: Timestamp(seconds: 0))
                return .json(200, try ContractJSON.encode(link))
            }
            return HTTPResponse(status: 200, body: .bytes([UInt8]("bytes".utf8)))
        }
        let standard = [
            "ATELIER_TELEGRAM_BOT_TOKEN": FakeTelegram.token, "ATELIER_TELEGRAM_API_URL": api.url,
            "ATELIER_URL_GENERATION": generation.url, "ATELIER_TELEGRAM_MESSAGES_PER_SECOND": "1000",
        ]
        try await TestService<DeliveryService>.run(
            environment: standard.merging(environment) { $1 },
            waits: waits
        ) { service in
            try await body(
                DeliveryFixture(
                    telegram: telegram,
                    service: service,
                    conversation: service.client(as: .conversation)
                )
            )
        }
        await api.stop()
        await generation.stop()
    }

    @discardableResult
    func send(
        _ text: String,
        to chat: ChatID = 42,
        media: [MediaItem] = [],
        keyboard: [[Button]] = [],
        key: String,
        replyTo: Int64? = nil
    ) async throws -> MessageState {
        let input = SendMessage.Input(
            chatID: chat,
            content: MessageContent(text: text, media: media, keyboard: keyboard),
            replyToMessageID: replyTo
        )
        return try await conversation.call(SendMessage.self, input, parameters: NoParameters(), key: key)
    }

    @discardableResult
    func put(
        _ text: String,
        _ revision: Int64,
        chat: ChatID = 42,
        card: String = "panel",
        media: [MediaItem] = [],
        repost: Bool = false
    ) async throws -> PutCard.Output {
        let input = PutCard.Input(
            revision: revision,
            content: MessageContent(text: text, media: media),
            repost: repost
        )
        return try await conversation.call(
            PutCard.self,
            input,
            parameters: .init(chatID: chat, cardKey: card),
            key: "\(chat)/\(card)/\(revision)"
        )
    }

    func state(_ key: String) async throws -> MessageState {
        try await conversation.call(GetMessage.self, Empty(), parameters: .init(messageKey: key))
    }

    /// Waits until the message has reached the state.
    func wait(_ key: String, _ wanted: MessageState.State) async throws {
        try await eventually("\(key) did not become \(wanted)") { try await state(key).state == wanted }
    }
}
