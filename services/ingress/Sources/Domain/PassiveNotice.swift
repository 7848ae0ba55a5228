internal import Contracts
internal import Time

/// "The bot is being updated", sent in the webhook's own answer while conversation can't take updates, so that a person
/// is never met with silence. At most once a minute in a chat, private chats only.
///
/// This is what one process remembers, which spares the database a question for every message of a busy chat; that a
/// second process does not repeat the notice is `NoticeStore`'s business.
struct PassiveNotice {
    /// A bot's chat with a person.
    struct Chat: Hashable, Sendable {
        var bot: String
        var id: ChatID
    }

    static let pause = Duration.seconds(60)
    /// Chats remembered; beyond it the oldest half is forgotten, which costs a question each.
    static let maximumChats = 10_000

    private var last: [Chat: Timestamp] = [:]

    /// Whether this chat has not been told lately; it then counts as told.
    mutating func isDue(in chat: Chat, now: Timestamp) -> Bool {
        if let told = last[chat], now - told < Self.pause { return false }
        if last.count >= Self.maximumChats {
            let median = last.values.sorted()[last.count / 2]
            last = last.filter { $0.value > median }
        }
        last[chat] = now
        return true
    }

    /// The body to answer a webhook with: Telegram carries it out, without a token and without delivery.
    static func body(for chat: Chat) -> [UInt8] {
        let text = "Бот обновляется (20–60 секунд). Ваше сообщение сохранено — отвечу, как только вернусь."
        return Array("{\"method\":\"sendMessage\",\"chat_id\":\(chat.id),\"text\":\"\(text)\"}".utf8)
    }
}
