internal import Contracts
internal import Time

/// A Telegram update in the form that the machine decides on: who, where, what, and nothing else.
struct Update: Sendable, Equatable {
    /// The update kind as Telegram names it, e.g. `message`; `none` if there is no payload member. Also a metric label.
    var kind: String
    var content: UpdateContent
}

/// What an update asks of us.
enum UpdateContent: Sendable, Equatable {
    case message(IncomingMessage)
    /// Changes a prompt that has not been sent off yet; never starts work.
    case editedMessage(IncomingMessage)
    case press(ButtonPress)
    /// The bot became reachable or unreachable in a chat.
    case membership(chatID: ChatID, isReachable: Bool)
    /// Nothing to answer, e.g. a channel post, a reaction, a service message.
    case quiet(reason: String)
}

/// A chat as far as rules depend on it.
struct Chat: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case `private`, group, channel
    }

    var id: ChatID
    var kind: Kind
}

/// The person behind an update.
struct Sender: Sendable, Equatable {
    var id: UserID
    /// IETF tag of the client's language, e.g. `ru` or `pt-br`.
    var languageCode: String?
}

/// A new or edited message of a person.
struct IncomingMessage: Sendable, Equatable {
    var messageID: Int64
    var chat: Chat
    /// Nil where nobody can be billed: channels, anonymous admins, messages sent as a channel.
    var sender: Sender?
    var date: Timestamp
    var body: Body
    /// Shared by the items of one album.
    var mediaGroupID: String?
    /// Files of the message that this one answers; lets a group member say "animate this" in a reply.
    var repliedMedia: [MediaReference] = []
    /// In a group: addressed to us by a mention or as a reply to our message.
    var isAddressed = false

    enum Body: Sendable, Equatable {
        case text(String)
        case command(BotCommand)
        case media(MediaReference, caption: String?)
        /// Something a person sent that no model takes, e.g. a sticker; the kind names it.
        case unsupported(kind: String)
        /// Written by Telegram, not by a person; never answered.
        case service(kind: String)
    }
}

/// `/name@bot argument`.
struct BotCommand: Sendable, Equatable {
    /// Lower case, without the slash.
    var name: String
    /// The bot that it names, without `@`.
    var addressee: String?
    /// The rest of the text, trimmed; the payload of a deep link.
    var argument: String

    /// The commands that ask for something to be made.
    static let requests: Set<String> = ["generate", "imagine"]

    /// Reads a message text; nil if it is no command.
    init?(_ text: String) {
        guard text.hasPrefix("/") else { return nil }
        let head = text.dropFirst().prefix { !$0.isWhitespace }
        let parts = head.split(separator: "@", maxSplits: 1)
        guard let name = parts.first, !name.isEmpty,
            name.unicodeScalars.allSatisfy({
                $0.isASCII && ($0.properties.isAlphabetic || "0"..."9" ~= $0 || $0 == "_")
            })
        else { return nil }
        self.name = name.lowercased()
        self.addressee = parts.count > 1 ? String(parts[1]) : nil
        let rest = text.dropFirst(1 + head.count)
        self.argument = String(rest.drop(while: \.isWhitespace).trimmingTrailingWhitespace())
    }
}

/// A pressed inline button.
struct ButtonPress: Sendable, Equatable {
    /// Telegram's id of the query; answered to stop the spinner.
    var queryID: String
    /// Nil for a button under an inline result, which names no chat.
    var chat: Chat?
    var sender: Sender
    /// The message that carries the button; nil for inline results.
    var messageID: Int64?
    /// As the client sent it: any text at all.
    var data: String?
}

extension Substring {
    fileprivate func trimmingTrailingWhitespace() -> Substring {
        var rest = self
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}
