import Contracts
import Foundation
import Testing

@testable import ConversationService

/// What is written to a group, and under photos.
@Suite struct MentionTests {
    /// A message as Telegram sends it, with our name marked wherever it stands.
    private func message(
        _ text: String,
        in chat: ChatID = Make.group,
        hasPhoto: Bool = false,
        name: String = "@kist_ai_bot"
    ) throws -> IncomingMessage {
        let whole = text as NSString
        let place = whole.range(of: name)
        var message: [String: Any] = [
            "message_id": 500, "date": 1_795_200_000,
            "chat": ["id": chat, "type": chat > 0 ? "private" : "supergroup"],
            "from": ["id": Make.user, "is_bot": false, "first_name": "К"],
            hasPhoto ? "caption" : "text": text,
        ]
        if place.location != NSNotFound {
            message[hasPhoto ? "caption_entities" : "entities"] = [
                ["type": "mention", "offset": place.location, "length": place.length]
            ]
        }
        if hasPhoto { message["photo"] = [["file_id": "photo-1", "width": 1_280, "height": 960]] }
        let body = try JSONSerialization.data(withJSONObject: ["update_id": 7, "message": message])
        let update = try Update.decode(String(decoding: body, as: UTF8.self), botUsername: "kist_ai_bot")
        guard case .message(let read) = update.content else { throw UndecodableUpdate(reason: "no message") }
        return read
    }

    @Test(arguments: [
        ("@kist_ai_bot нарисуй кота", "нарисуй кота"), ("@kist_ai_bot, нарисуй кота", "нарисуй кота"),
        ("🦊🦊 нарисуй @kist_ai_bot кота", "🦊🦊 нарисуй кота"), ("нарисуй кота @kist_ai_bot", "нарисуй кота"),
        ("@kist_ai_bot", "@kist_ai_bot"),
    ])
    func `our name calls us and is no part of what is wished for`(text: String, words: String) throws {
        for hasPhoto in [false, true] {
            let read = try message(text, hasPhoto: hasPhoto)
            #expect(read.isAddressed)
            switch read.body {
            case .text(let said): #expect(said == words)
            case .media(_, let caption): #expect(caption == words)
            default: Issue.record("neither text nor file: \(read.body)")
            }
        }
    }

    @Test(arguments: [("/imagine@kist_ai_bot сделай море", Make.group), ("/imagine сделай море", Make.user)])
    func `a request under a photo is about that photo`(caption: String, chat: ChatID) throws {
        let read = try message(caption, in: chat, hasPhoto: true)
        var user = Driver()
        user.scene = Scene(userID: Make.user, chatID: chat)
        user.take(Update(kind: "message", content: .message(read)))
        #expect(user.screen == .composer && user.session?.draft?.inputs["prompt"] == "сделай море")
        #expect(user.session?.draft?.media["image_urls"]?.map(\.telegramFileID) == ["photo-1"])
    }

    @Test func `a request to another bot, and any other command under a photo, is left alone`() throws {
        var user = Driver()
        user.scene = Scene(userID: Make.user, chatID: Make.group)
        let other = try message("/imagine@other_bot лиса", hasPhoto: true)
        #expect(user.take(Update(kind: "message", content: .message(other))).outcome == .quiet)
        guard case .media(_, let caption) = try message("/help", in: Make.user, hasPhoto: true).body else {
            return #expect(Bool(false), "the photo is lost")
        }
        #expect(caption == "/help")
    }

    @Test func `other names, and ours in private, are words like any other`() throws {
        #expect(try message("@somebody нарисуй кота", name: "@somebody").body == .text("@somebody нарисуй кота"))
        let own = try message("котик для @kist_ai_bot", in: Make.user)
        #expect(own.body == .text("котик для @kist_ai_bot"))
    }
}
