internal import Contracts
internal import Foundation
internal import Time

/// An update that can never be handled: not an object, no update id, or no chat in a message.
struct UndecodableUpdate: Error, Sendable {
    /// In English, without the update's text; safe to store and log.
    var reason: String
}

extension Update {
    /// Reads a webhook body.
    ///
    /// - Parameter botUsername: Our name without `@`; empty if unknown. Commands that name another bot are not ours.
    /// - Throws: `UndecodableUpdate` if nobody could be answered.
    static func decode(_ body: String, botUsername: String) throws(UndecodableUpdate) -> Update {
        let wire: TelegramWire.Update
        do {
            wire = try JSONDecoder().decode(TelegramWire.Update.self, from: Data(body.utf8))
        } catch {
            throw UndecodableUpdate(reason: Self.describe(error))
        }
        let kind = wire.kind ?? "none"
        let reader = UpdateReader(botUsername: botUsername.lowercased())
        if let message = wire.message {
            let content = reader.message(message)
            return Update(kind: kind, content: kind == "message" ? .message(content) : .editedMessage(content))
        }
        if let query = wire.callbackQuery { return Update(kind: kind, content: .press(reader.press(query))) }
        if let membership = wire.membership { return Update(kind: kind, content: reader.membership(membership)) }
        return Update(kind: kind, content: .quiet(reason: "kind"))
    }

    private static func describe(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "not JSON" }
        let path: [any CodingKey] =
            switch error {
            case .keyNotFound(let key, let context): context.codingPath + [key]
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath
            @unknown default: []
            }
        return "malformed at \"\(path.map(\.stringValue).joined(separator: "."))\""
    }
}

/// Turns wire structures into what the machine decides on.
struct UpdateReader {
    var botUsername: String

    /// Telegram's stand-ins for people who do not show themselves: anonymous admins, channels, linked channels.
    private static let maskedSenders: Set<Int64> = [1_087_968_824, 136_817_688, 777_000]

    /// Members of messages that Telegram writes itself.
    private static let serviceMembers: Set<String> = [
        "new_chat_members", "new_chat_participant", "left_chat_member", "left_chat_participant", "new_chat_title",
        "new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created",
        "channel_chat_created", "message_auto_delete_timer_changed", "migrate_to_chat_id", "migrate_from_chat_id",
        "pinned_message", "successful_payment", "refunded_payment", "users_shared", "chat_shared",
        "connected_website", "write_access_allowed", "proximity_alert_triggered", "boost_added",
        "chat_background_set", "forum_topic_created", "forum_topic_edited", "forum_topic_closed",
        "forum_topic_reopened", "general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created",
        "giveaway_completed", "video_chat_scheduled", "video_chat_started", "video_chat_ended",
        "video_chat_participants_invited", "web_app_data", "gift", "unique_gift", "paid_message_price_changed",
        "direct_message_price_changed", "checklist_tasks_done", "checklist_tasks_added", "community_chat_added",
        "invoice", "suggested_post_approved", "suggested_post_declined", "suggested_post_paid",
    ]

    /// Kinds of content that people send and no model takes.
    private static let unsupportedMembers = [
        "sticker", "story", "contact", "venue", "location", "dice", "poll", "game", "checklist", "paid_media",
        "giveaway", "giveaway_winners", "rich_message",
    ]

    func message(_ wire: TelegramWire.Message) -> IncomingMessage {
        let chat = self.chat(wire.chat)
        var sender: Sender?
        if let from = wire.from, !wire.hasSenderChat, from.isBot != true, !Self.maskedSenders.contains(from.id) {
            sender = Sender(id: from.id, languageCode: from.languageCode)
        }
        return IncomingMessage(
            messageID: wire.messageID,
            chat: chat,
            sender: sender,
            date: Timestamp(seconds: wire.date),
            body: body(wire),
            mediaGroupID: wire.mediaGroupID,
            repliedMedia: subjects(of: wire),
            isAddressed: isAddressed(wire)
        )
    }

    func press(_ wire: TelegramWire.CallbackQuery) -> ButtonPress {
        ButtonPress(
            queryID: wire.id,
            chat: wire.message.map { chat($0.chat) },
            sender: Sender(id: wire.from.id, languageCode: wire.from.languageCode),
            messageID: wire.message?.messageID,
            data: wire.data
        )
    }

    func membership(_ wire: TelegramWire.ChatMemberUpdated) -> UpdateContent {
        switch wire.status {
        case "kicked", "left": .membership(chatID: wire.chat.id, isReachable: false)
        case "member", "administrator", "creator", "restricted": .membership(chatID: wire.chat.id, isReachable: true)
        default: .quiet(reason: "membership")
        }
    }

    func chat(_ wire: TelegramWire.Chat) -> Chat {
        switch wire.type {
        case "private": Chat(id: wire.id, kind: .private)
        case "channel": Chat(id: wire.id, kind: .channel)
        case "group", "supergroup": Chat(id: wire.id, kind: .group)
        // A chat type of the future: the sign of the id still says whether it is one person.
        default: Chat(id: wire.id, kind: wire.id > 0 ? .private : .group)
        }
    }

    private func body(_ wire: TelegramWire.Message) -> IncomingMessage.Body {
        if let service = wire.members.intersection(Self.serviceMembers).sorted().first {
            return .service(kind: service)
        }
        if let media = media(photo: wire.photo, files: wire.files) {
            if let command = captioned(wire) { return .command(command) }
            return .media(media, caption: wire.caption.flatMap { $0.isEmpty ? nil : words($0, of: wire) })
        }
        if let kind = Self.unsupportedMembers.first(where: wire.members.contains) { return .unsupported(kind: kind) }
        guard let text = wire.text, !text.isEmpty else { return .unsupported(kind: "unknown") }
        let said = words(text, of: wire)
        return BotCommand(said).map { .command($0) } ?? .text(said)
    }

    /// A request under a file is about that file; every other word there is a caption, whatever it begins with.
    private func captioned(_ wire: TelegramWire.Message) -> BotCommand? {
        let command = wire.caption.flatMap { BotCommand(words($0, of: wire)) }
        return command.flatMap { BotCommand.requests.contains($0.name) ? $0 : nil }
    }

    /// What a command is about: the file that it stands under, else that of the message which it answers.
    private func subjects(of wire: TelegramWire.Message) -> [MediaReference] {
        let own = captioned(wire) == nil ? nil : media(photo: wire.photo, files: wire.files)
        let file = own ?? wire.repliedTo.flatMap { media(photo: $0.photo, files: $0.files) }
        return file.map { [$0] } ?? []
    }

    private func media(photo: [TelegramWire.File], files: [(kind: String, file: TelegramWire.File)]) -> MediaReference?
    {
        if let (kind, file) = files.first { return reference(kind, file) }
        // Sizes come in ascending order; the last is the best.
        guard let best = photo.last else { return nil }
        return reference(best, as: .image, defaultType: "image/jpeg")
    }

    private func reference(_ kind: String, _ file: TelegramWire.File) -> MediaReference? {
        switch kind {
        case "animation", "video", "video_note": return reference(file, as: .video, defaultType: "video/mp4")
        case "live_photo":
            guard let still = file.stills.last else { return reference(file, as: .video, defaultType: "video/mp4") }
            return reference(still, as: .image, defaultType: "image/jpeg")
        case "voice": return reference(file, as: .audio, defaultType: "audio/ogg")
        case "audio": return reference(file, as: .audio, defaultType: "audio/mpeg")
        default:
            let type = file.mimeType ?? ""
            if type.hasPrefix("image/") { return reference(file, as: .image, defaultType: type) }
            if type.hasPrefix("video/") { return reference(file, as: .video, defaultType: type) }
            if type.hasPrefix("audio/") { return reference(file, as: .audio, defaultType: type) }
            return reference(file, as: .text, defaultType: type.isEmpty ? "application/octet-stream" : type)
        }
    }

    private func reference(_ file: TelegramWire.File, as kind: MediaKind, defaultType: String) -> MediaReference {
        MediaReference(
            telegramFileID: file.fileID,
            kind: kind,
            mimeType: file.mimeType ?? defaultType,
            sizeBytes: file.fileSize,
            width: file.width,
            height: file.height,
            durationSeconds: file.duration
        )
    }
}
