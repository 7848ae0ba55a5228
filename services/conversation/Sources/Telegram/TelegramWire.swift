/// Telegram's own JSON, as tolerant as it can be: every member but the few that identify is optional, a member of
/// another shape than expected counts as absent, and unknown members are skipped.
///
/// Source: Bot API 10.3 (2026-08-24). Names follow Telegram's snake_case by `CodingKeys`.
enum TelegramWire {
    struct Update: Decodable {
        var updateID: Int64
        /// The first payload member by Telegram's name, nil if there is none.
        var kind: String?
        var message: Message?
        var callbackQuery: CallbackQuery?
        var membership: ChatMemberUpdated?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            updateID = try container.decode(Int64.self, forKey: "update_id")
            kind = container.allKeys.map(\.stringValue).filter { $0 != "update_id" }.sorted().first
            guard let kind else { return }
            switch kind {
            // An authentic message must name its chat: without it there is nobody to answer, so this one may throw.
            case "message", "edited_message": message = try container.decode(Message.self, forKey: Name(kind))
            case "callback_query": callbackQuery = try container.decode(CallbackQuery.self, forKey: Name(kind))
            case "my_chat_member": membership = try container.decode(ChatMemberUpdated.self, forKey: Name(kind))
            default: break
            }
        }
    }

    struct Chat: Decodable {
        var id: Int64
        var type: String?
    }

    struct User: Decodable {
        var id: Int64
        var isBot: Bool?
        var username: String?
        var languageCode: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            id = try container.decode(Int64.self, forKey: "id")
            isBot = container.lenient("is_bot")
            username = container.lenient("username")
            languageCode = container.lenient("language_code")
        }
    }

    struct CallbackQuery: Decodable {
        var id: String
        var from: User
        /// May be an inaccessible message: chat and id are still there.
        var message: Carrier?
        var data: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            id = try container.decode(String.self, forKey: "id")
            from = try container.decode(User.self, forKey: "from")
            message = container.lenient("message")
            data = container.lenient("data")
        }

        struct Carrier: Decodable {
            var chat: Chat
            var messageID: Int64?

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Name.self)
                chat = try container.decode(Chat.self, forKey: "chat")
                messageID = container.lenient("message_id")
            }
        }
    }

    struct ChatMemberUpdated: Decodable {
        var chat: Chat
        var status: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            chat = try container.decode(Chat.self, forKey: "chat")
            let member: Member? = container.lenient("new_chat_member")
            status = member?.status
        }

        private struct Member: Decodable {
            var status: String?
        }
    }

    /// A member name that is decided at run time.
    struct Name: CodingKey, ExpressibleByStringLiteral {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init(stringLiteral value: String) { stringValue = value }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

extension KeyedDecodingContainer<TelegramWire.Name> {
    /// The member, or nil if it is absent or has another shape than we know: Telegram adds and changes members without
    /// notice, and one odd member must not cost the user the whole message.
    func lenient<Value: Decodable>(_ name: TelegramWire.Name) -> Value? {
        try? decodeIfPresent(Value.self, forKey: name)  // Another shape means "absent"; see above.
    }
}
