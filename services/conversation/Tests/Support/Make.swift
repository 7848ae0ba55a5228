import Contracts
import Foundation
import Time

@testable import ConversationService

/// Values for tests, as Telegram and the other services would send them.
enum Make {
    static let user: UserID = 7_012_345_678
    static let group: ChatID = -1_002_345_678_901
    static let now = Timestamp(seconds: 1_795_200_000)

    static func message(
        _ body: IncomingMessage.Body,
        id: Int64 = 500,
        chat: ChatID = user,
        user: UserID? = user,
        album: String? = nil,
        at: Timestamp = now,
        replied: [MediaReference] = [],
        isAddressed: Bool = false
    ) -> Update {
        Update(
            kind: "message",
            content: .message(
                IncomingMessage(
                    messageID: id,
                    chat: Chat(id: chat, kind: chat > 0 ? .private : .group),
                    sender: user.map { Sender(id: $0, languageCode: "ru") },
                    date: at,
                    body: body,
                    mediaGroupID: album,
                    repliedMedia: replied,
                    isAddressed: isAddressed
                )
            )
        )
    }

    static func text(_ text: String, id: Int64 = 500, at: Timestamp = now) -> Update {
        message(BotCommand(text).map { .command($0) } ?? .text(text), id: id, at: at)
    }

    static func photo(_ file: String = "photo-1", caption: String? = nil, id: Int64 = 510, album: String? = nil)
        -> Update
    {
        message(.media(image(file), caption: caption), id: id, album: album)
    }

    static func image(_ file: String = "photo-1", bytes: Int64 = 187_311) -> MediaReference {
        MediaReference(
            telegramFileID: file,
            kind: .image,
            mimeType: "image/jpeg",
            sizeBytes: bytes,
            width: 1_280,
            height: 960
        )
    }

    static func press(_ data: String?, chat: ChatID = user, user: UserID = user) -> Update {
        Update(
            kind: "callback_query",
            content: .press(
                ButtonPress(
                    queryID: "3017812239871234567",
                    chat: Chat(id: chat, kind: chat > 0 ? .private : .group),
                    sender: Sender(id: user, languageCode: "ru"),
                    messageID: 499,
                    data: data
                )
            )
        )
    }

    static func balance(_ kopecks: Int64, held: Int64 = 0, user: UserID = user) -> Balance {
        Balance(
            userID: user,
            postedKopecks: kopecks + held,
            heldKopecks: held,
            availableKopecks: kopecks,
            paidKopecks: kopecks + held,
            bonusKopecks: 0,
            isFrozen: false
        )
    }

    static func asset(_ kind: MediaKind = .image, _ number: Int = 1) -> Asset {
        Asset(
            assetID: AssetID(now: now),
            kind: kind,
            mimeType: ["image/png", "video/mp4", "audio/mpeg", "text/plain"][
                MediaKind.allCases.firstIndex(of: kind) ?? 0
            ],
            sizeBytes: 120_000,
            sha256: String(repeating: "a", count: 64),
            width: 1_024,
            height: 1_024,
            fileName: "z-image-\(number).png"
        )
    }

    static func job(
        _ id: JobID,
        _ state: JobState,
        price: Int64 = 1_400,
        charged: Int64? = nil,
        attempt: Int = 1,
        failure: JobFailure? = nil,
        assets: [Asset] = [],
        chat: ChatID = user
    ) -> Job {
        Job(
            jobID: id,
            userID: user,
            chatID: chat,
            modelNumber: 2,
            modelSlug: "vendor/model-2",
            modelTitle: "Nano Banana Pro",
            state: state,
            prompt: "лиса",
            priceKopecks: price,
            chargedKopecks: charged,
            attempt: attempt,
            failure: failure,
            assets: assets,
            typicalSeconds: 20,
            createdAt: now
        )
    }

    static func fact(_ kind: FactKind, job: Job) -> Fact {
        Fact(factID: FactID(), kind: kind, at: now, userID: job.userID, chatID: job.chatID, job: job)
    }

    static func order(_ id: OrderID, _ state: Order.State, kopecks: Int64 = 10_000) -> Order {
        Order(
            orderID: id,
            userID: user,
            chatID: user,
            amountKopecks: kopecks,
            rail: .yookassa,
            state: state,
            payURL: state == .creating ? nil : "https://pay.example/\(id)",
            expiresAt: now + .seconds(1_200),
            createdAt: now
        )
    }

    static func fact(_ kind: FactKind, order: Order, balance: Balance? = nil) -> Fact {
        Fact(
            factID: FactID(),
            kind: kind,
            at: now,
            userID: order.userID,
            chatID: order.chatID,
            order: order,
            balance: balance
        )
    }

    static let options = GetPaymentOptions.Output(
        rails: [.yookassa, .stars],
        amountsKopecks: [10_000, 30_000, 50_000, 100_000],
        minimumKopecks: 1_000,
        maximumKopecks: 1_500_000
    )

    /// The price in equal shares.
    private static func stages(_ draft: Draft, _ kopecks: Int64) -> [QuotedStage] {
        let models = [draft.modelNumber] + draft.stages.map(\.modelNumber)
        let each = kopecks / Int64(models.count * draft.copyCount)
        return models.map { QuotedStage(modelNumber: $0, modelTitle: "", priceKopecks: each, variant: "standard") }
    }

    static func quote(_ draft: Draft, kopecks: Int64, at now: Timestamp = now) -> Quote {
        Quote(
            quoteID: QuoteID(now: now),
            modelNumber: draft.modelNumber,
            priceKopecks: kopecks,
            variant: "standard",
            expiresAt: now + .seconds(600),
            deltas: ["resolution": ["1K": 0, "2K": 700, "4K": 1_400], "sound": ["true": 900, "false": 0]],
            copies: draft.copies,
            stages: draft.stages.isEmpty ? nil : stages(draft, kopecks)
        )
    }
}
