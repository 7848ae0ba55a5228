internal import Contracts
internal import Time

/// "The bot is being updated", sent in the webhook's own answer while conversation is away, so that a user is never met
/// with silence. At most once a minute in a chat, private chats only.
struct PassiveNotice {
    static let pause = Duration.seconds(60)
    /// Chats remembered; beyond it the oldest half is forgotten, which at worst repeats a notice early.
    static let maximumChats = 10_000

    private var last: [ChatID: Timestamp] = [:]

    /// The body to answer a webhook with; nil if this chat has been told lately.
    mutating func body(for chat: ChatID, now: Timestamp) -> [UInt8]? {
        if let told = last[chat], now - told < Self.pause { return nil }
        if last.count >= Self.maximumChats {
            let median = last.values.sorted()[last.count / 2]
            last = last.filter { $0.value > median }
        }
        last[chat] = now
        let text = "Бот обновляется (20–60 секунд). Ваше сообщение сохранено — отвечу, как только вернусь."
        return Array("{\"method\":\"sendMessage\",\"chat_id\":\(chat),\"text\":\"\(text)\"}".utf8)
    }
}
