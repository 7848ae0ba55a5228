package import Configuration
package import Contracts
internal import Cryptography
internal import Foundation
package import Lifecycle
package import ServiceKit

/// Delivery: everything that leaves for Telegram, and the only holder of the bot's token.
package struct DeliveryService: AtelierService {
    package static let name = ServiceName.delivery
    package static var configurationKeys: [any ConfigurationKeyDescription] { DeliveryKey.all }

    package let workers: [any Worker]
    private let api: DeliveryAPI
    private let chats: ChatStore

    package init(_ context: ServiceContext) async throws {
        let configuration = try DeliveryConfiguration(context.configuration)
        let metrics = DeliveryMetrics(context.metrics)
        let telegram = TelegramClient(
            http: context.http,
            baseURL: configuration.apiURL,
            token: configuration.token,
            metrics: metrics
        )
        let folder = try Self.makeFolder()
        let chats = ChatStore(context.database)
        let lanes = LaneStore(context.database)
        let pacer = BotPacer(
            BotStore(context.database),
            perSecond: configuration.messagesPerSecond,
            loop: context.loop,
            clock: context.clock
        )
        let media = MediaFetcher(
            files: FileStore(context.database, botID: configuration.botID),
            generation: context.client(for: .generation),
            folder: folder,
            metrics: metrics
        )
        let sender = LaneSender(
            lanes: lanes,
            chats: chats,
            media: media,
            telegram: telegram,
            pacer: pacer,
            loop: context.loop,
            clock: context.clock,
            metrics: metrics,
            log: context.log
        )
        let worker = LaneWorker(
            lanes,
            sender: sender,
            maximumLanes: configuration.lanes,
            owner: "\(context.instance)/\(Base62.random(8))",
            loop: context.loop,
            metrics: metrics,
            log: context.log
        )
        let answers = AnswerWorker(telegram, loop: context.loop, metrics: metrics)

        self.chats = chats
        api = DeliveryAPI(
            messages: MessageStore(context.database),
            chats: chats,
            answers: answers,
            checkout: PreCheckoutAnswerer(telegram: telegram, loop: context.loop),
            files: TelegramFiles(telegram: telegram, folder: folder),
            wake: { worker.wake() }
        )
        workers = [
            answers, pacer, worker, BacklogWorker(ChatStore(context.background), loop: context.loop, metrics: metrics),
            WebhookWorker(
                telegram,
                webhook: configuration.webhook,
                readiness: context.readiness,
                loop: context.loop,
                log: context.log
            ),
        ]
    }

    package func register(on routes: inout Routes) {
        api.register(on: &routes)
    }

    package func health() async -> [String: JSONValue] {
        // `/health` says itself that the database is away.
        guard let backlog = try? await chats.backlog() else { return [:] }
        return [
            "waiting_messages": .integer(backlog.queued), "oldest_waiting_seconds": .number(backlog.oldestSeconds),
            "blocked_chats": .integer(backlog.blockedChats),
        ]
    }

    /// A folder for bytes on their way, of this process alone. What earlier processes left is removed when it is old
    /// enough that nobody can be using it.
    private static func makeFolder() throws -> String {
        let manager = FileManager.default
        let base = manager.temporaryDirectory.appending(path: "atelier-delivery")
        try manager.createDirectory(at: base, withIntermediateDirectories: true)
        for name in (try? manager.contentsOfDirectory(atPath: base.path)) ?? [] {
            let old = base.appending(path: name)
            let changed = try? manager.attributesOfItem(atPath: old.path)[.modificationDate] as? Date
            // Losing the race for a leftover with another process is fine.
            if let changed, changed.timeIntervalSinceNow < -86_400 { try? manager.removeItem(at: old) }
        }
        let folder = base.appending(path: Base62.random(16))
        try manager.createDirectory(
            at: folder,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        return folder.path
    }
}
