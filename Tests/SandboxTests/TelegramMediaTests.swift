import Concurrency
import Configuration
import Contracts
import EventLoop
import Foundation
import HTTP
import HTTPClient
import Telemetry
import TestSupport
import Testing
import Time

@testable import Sandbox

/// Files, albums and edits of the Telegram stand-in, without sockets: requests go straight to the desk.
@Suite struct TelegramMediaTests {
    private static let loop = EventLoop(name: "telegram-test")
    private let desk: TelegramDesk
    private let chat: Int64 = 7_012_345_678
    private let photo = PNG.encode(Canvas(width: 40, height: 30))

    init() throws {
        let log = MemoryLog().log()
        let configuration = try SandboxConfiguration(ConfigurationReader(environment: [:]))
        var settings = Settings()
        settings.telegramLimits = false
        desk = TelegramDesk(
            tools: Tools(
                loop: Self.loop,
                http: HTTPClient(loop: Self.loop, metrics: Metrics(service: "test"), log: log),
                clock: .system,
                log: log,
                journal: try Journal(folder: nil),
                blobs: try BlobStore(folder: nil),
                faults: FaultBook(),
                calls: CallLog(),
                feed: ChangeFeed(loop: Self.loop),
                errands: Errands(),
                settings: Locked(settings),
                configuration: configuration,
                resources: try Resources()
            )
        )
        let chat = chat
        _ = try desk.mutate {
            try $0.write(
                user: chat,
                chat: chat,
                body: UserText.format("/start"),
                media: nil,
                mediaGroup: nil,
                replyTo: nil,
                at: 0
            )
        }
    }

    private func call(_ method: String, _ values: [String: JSONValue], files: [String: [UInt8]] = [:]) async throws
        -> JSONValue
    {
        let boundary = "b0"
        var body: [UInt8] = []
        for (name, value) in values.merging(["chat_id": .integer(chat)], uniquingKeysWith: { first, _ in first }) {
            body += Array(
                "--b0\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value.string ?? JSONText.write(value))\r\n"
                    .utf8
            )
        }
        for (name, content) in files {
            body += Array(
                "--b0\r\nContent-Disposition: form-data; name=\"\(name)\"; filename=\"\(name).png\"\r\n\r\n".utf8
            )
            body += content + Array("\r\n".utf8)
        }
        body += Array("--b0--\r\n".utf8)
        let parameters = try Parameters(query: "", contentType: "multipart/form-data; boundary=\(boundary)", body: body)
        return try await desk.perform(method, parameters)
    }

    private func refusal(_ method: String, _ values: [String: JSONValue], files: [String: [UInt8]] = [:]) async
        -> String
    {
        do {
            return "accepted: \(try await call(method, values, files: files))"
        } catch {
            return (error as? TelegramError)?.description ?? "\(error)"
        }
    }

    @Test func `an upload gives a file id that can be sent and fetched again, the first size is a thumbnail`()
        async throws
    {
        let sent = try await call("sendPhoto", ["caption": "раз"], files: ["photo": photo])
        let sizes = try #require(sent["photo"]?.array)
        #expect(sizes.count == 2)
        #expect(sizes[0]["file_unique_id"] != sizes[1]["file_unique_id"])
        let id = try #require(sizes.last?["file_id"])
        let again = try await call("sendPhoto", ["photo": id])
        #expect(again["photo"]?.array?.last?["file_id"] == id)
        let file = try await call("getFile", ["file_id": id])
        let path = try #require(file["file_path"]?.string?.split(separator: "/").map(String.init))
        let token = "bot" + desk.tools.configuration.botToken.text
        let answer = desk.download(
            HTTPRequest(target: "/", parameters: ["bot": token, "folder": path[0], "name": path[1]])
        )
        guard case .bytes(let content) = answer.body else { throw CancellationError() }
        #expect(content == photo)
        #expect(
            await refusal("sendDocument", ["document": id]) == "Bad Request: can't use file of type Photo as Document"
        )
    }

    @Test func `what is no photo, too large, too long or elsewhere is refused`() async throws {
        let text = Array("not a picture".utf8)
        let long = PNG.encode(Canvas(width: 210, height: 10))
        let huge = photo + [UInt8](repeating: 0, count: 10 << 20)
        let cases: [(values: [String: JSONValue], content: [UInt8]?, answer: String)] = [
            ([:], text, "IMAGE_PROCESS_FAILED"), ([:], long, "PHOTO_INVALID_DIMENSIONS"),
            ([:], huge, "file of size \(huge.count) bytes is too big for a photo"), ([:], [], "file must be non-empty"),
            (["photo": "https://x.y/1.png"], nil, "failed to get HTTP URL content"),
            (["photo": "AgAC"], nil, "wrong file identifier/HTTP URL specified"),
            (
                ["photo": .string("AgACAgIAAxkB" + String(repeating: "x", count: 40))], nil,
                "wrong remote file identifier specified"
            ),
            ([:], nil, "there is no photo in the request"),
            (["caption": .string(String(repeating: "ж", count: 1_025))], photo, "message caption is too long"),
        ]
        for (values, content, answer) in cases {
            let text = await refusal("sendPhoto", values, files: content.map { ["photo": $0] } ?? [:])
            #expect(text.hasPrefix("Bad Request: " + answer), "\(text)")
        }
    }

    @Test func `an album has two to ten files of kinds that go together and no keyboard`() async throws {
        let item: JSONValue = ["type": "photo", "media": "attach://p"]
        let files = ["p": photo]
        let sent = try await call("sendMediaGroup", ["media": [item, item.merging(["caption": "два"])]], files: files)
        #expect(sent.array?.count == 2)
        #expect(Set(sent.array?.map { $0["media_group_id"] } ?? []).count == 1)
        #expect(await refusal("sendMediaGroup", ["media": [item]], files: files).hasPrefix("Bad Request"))
        #expect(
            await refusal("sendMediaGroup", ["media": .array(Array(repeating: item, count: 11))], files: files)
                .hasPrefix("Bad Request")
        )
        let mixed: JSONValue = [item, ["type": "document", "media": "attach://p"]]
        #expect(await refusal("sendMediaGroup", ["media": mixed], files: files).contains("can't be mixed"))
        let keyboard: JSONValue = ["inline_keyboard": [[["text": "x", "callback_data": "a"]]]]
        #expect(
            await refusal("sendMediaGroup", ["media": [item, item], "reply_markup": keyboard], files: files).hasPrefix(
                "Bad Request"
            )
        )
    }

    @Test func `a text becomes a photo in place, then only its caption can be edited`() async throws {
        let sent = try await call("sendMessage", ["text": "ждите"])
        let id = try #require(sent["message_id"])
        let media: JSONValue = ["type": "photo", "media": "attach://p", "caption": "вот"]
        let edited = try await call("editMessageMedia", ["message_id": id, "media": media], files: ["p": photo])
        #expect(edited["caption"] == "вот")
        #expect(edited["text"] == nil)
        #expect(edited["edit_date"] != nil)
        #expect(
            await refusal("editMessageText", ["message_id": id, "text": "x"]).contains(
                "there is no text in the message"
            )
        )
        #expect(
            await refusal("editMessageCaption", ["message_id": id, "caption": "вот"]).contains(
                "message is not modified"
            )
        )
        #expect(try await call("editMessageCaption", ["message_id": id, "caption": "новое"])["caption"] == "новое")
        #expect(desk.read { $0.messages[chat]?[id.integer ?? 0]?.edits.map(\.text) } == ["ждите", "вот"])
    }

    @Test func `a keyboard goes away when an edit leaves it out, and a deleted message is gone`() async throws {
        let keyboard: JSONValue = ["inline_keyboard": [[["text": "x", "callback_data": "a"]]]]
        let id = try #require(try await call("sendMessage", ["text": "раз", "reply_markup": keyboard])["message_id"])
        #expect(
            await refusal("editMessageText", ["message_id": id, "text": "раз", "reply_markup": keyboard]).contains(
                "not modified"
            )
        )
        #expect(try await call("editMessageReplyMarkup", ["message_id": id])["reply_markup"] == nil)
        #expect(try await call("deleteMessages", ["message_ids": [id, 99]]) == true)
        #expect(await refusal("deleteMessage", ["message_id": id]) == "Bad Request: message to delete not found")
        #expect(
            await refusal("editMessageText", ["message_id": id, "text": "x"])
                == "Bad Request: message to edit not found"
        )
        let reply: JSONValue = ["message_id": id]
        #expect(
            await refusal("sendMessage", ["text": "x", "reply_parameters": reply])
                == "Bad Request: message to be replied not found"
        )
        let lenient = reply.merging(["allow_sending_without_reply": true])
        #expect(try await call("sendMessage", ["text": "x", "reply_parameters": lenient])["reply_to_message"] == nil)
    }

    @Test func `sound that Telegram does not play becomes a document`() async throws {
        let tone = Sound.tone(seconds: 1, pitch: 440, remark: "")
        #expect(try await call("sendAudio", [:], files: ["audio": tone])["document"] != nil)
        let chord = try #require(desk.tools.resources.clips["chord.mp3"])
        #expect(try await call("sendVoice", [:], files: ["voice": chord])["voice"] != nil)
        desk.mutate { $0.chats[chat]?.forbidsVoice = true }
        #expect(await refusal("sendVoice", [:], files: ["voice": chord]) == "Bad Request: VOICE_MESSAGES_FORBIDDEN")
    }

    @Test func `a press is answered within a minute, an unknown one never`() async throws {
        let now = desk.tools.milliseconds
        try desk.mutate {
            try $0.press(user: chat, chat: chat, message: 1_001, data: "a", query: "fresh", at: now)
            try $0.press(user: chat, chat: chat, message: 1_001, data: "a", query: "old", at: now - 61_000)
        }
        #expect(try await call("answerCallbackQuery", ["callback_query_id": "fresh", "text": "да"]) == true)
        for query in ["old", "other"] {
            #expect(
                await refusal("answerCallbackQuery", ["callback_query_id": .string(query)]).contains("query is too old")
            )
        }
        #expect(throws: TelegramState.Refusal.self) {
            try desk.mutate {
                try $0.press(
                    user: chat,
                    chat: chat,
                    message: 1,
                    data: String(repeating: "я", count: 33),
                    query: "q",
                    at: now
                )
            }
        }
    }
}
