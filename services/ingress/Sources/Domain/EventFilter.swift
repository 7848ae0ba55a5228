internal import Contracts
internal import Time

/// Which stored events an operator means, with lanes as they are stored.
struct EventFilter: Sendable, Equatable {
    var source: EventSource?
    /// Nil for all lanes; several for a chat.
    var lanes: [String]?
    var since: Timestamp?
    var until: Timestamp?

    /// - Parameter bots: The names of the configured bots, since a chat has lanes with each.
    init(
        source: EventSource? = nil,
        lane: String? = nil,
        chatID: ChatID? = nil,
        since: Timestamp? = nil,
        until: Timestamp? = nil,
        bots: [String] = []
    ) {
        self.source = source
        self.since = since
        self.until = until
        let ofChat = chatID.map { chat in bots.sorted().flatMap { ["chat:\($0):\(chat)", "pay:\($0):\(chat)"] } }
        switch (lane, ofChat) {
        case (nil, nil): self.lanes = nil
        case (let lane?, nil): self.lanes = [lane]
        case (nil, let ofChat?): self.lanes = ofChat
        case (let lane?, let ofChat?): self.lanes = ofChat.contains(lane) ? [lane] : []
        }
    }
}
