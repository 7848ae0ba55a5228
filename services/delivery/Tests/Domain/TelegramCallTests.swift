import Contracts
import Testing

@testable import DeliveryService

@Suite struct TelegramCallTests {
    private func message(
        _ text: String,
        _ media: [MediaItem] = [],
        keyboard: [[Button]] = [],
        replyTo: Int64? = nil,
        silent: Bool = false,
        _ adjust: (inout MessageProgress) -> Void = { _ in }
    ) -> OutgoingMessage {
        var progress = MessageProgress()
        adjust(&progress)
        return OutgoingMessage(
            kind: .message,
            chatID: 42,
            content: MessageContent(text: text, media: media, keyboard: keyboard),
            replyTo: replyTo,
            isSilent: silent,
            progress: progress
        )
    }

    private func json(_ call: TelegramCall) throws -> String {
        String(decoding: try ContractJSON.encode(JSONValue.object(call.parameters)), as: UTF8.self)
    }

    @Test func `a text goes with its markup, buttons, reply and silence`() throws {
        let buttons = [
            [
                Button(text: "Go", callbackData: "v.go", style: .primary), Button(text: "Site", url: "https://a.b"),
                Button(text: "Seed", copyText: "42"),
            ], [],
        ]
        let call = message("<b>hi</b>", keyboard: buttons, replyTo: 9, silent: true).call(for: .sendText)
        #expect(call.method == "sendMessage")
        #expect(
            try json(call)
                == #"{"chat_id":42,"disable_notification":true,"link_preview_options":{"is_disabled":true},"parse_mode":"HTML","reply_markup":{"inline_keyboard":[[{"callback_data":"v.go","style":"primary","text":"Go"},{"text":"Site","url":"https://a.b"},{"copy_text":{"text":"42"},"text":"Seed"}]]},"reply_parameters":{"allow_sending_without_reply":true,"message_id":9},"text":"<b>hi</b>"}"#
        )
    }

    @Test func `plain text has no markup at all`() throws {
        let call = message("<b>hi</b> &amp; bye") { $0.isPlain = true }.call(for: .sendText)
        #expect(call.parameters["text"] == "hi & bye")
        #expect(call.parameters["parse_mode"] == nil)
    }

    @Test func `an edit names its message and takes old buttons away`() throws {
        let call = message("new") { $0.messageIDs = [7] }.call(for: .editText)
        #expect(call.method == "editMessageText")
        #expect(
            try json(call)
                == #"{"chat_id":42,"link_preview_options":{"is_disabled":true},"message_id":7,"parse_mode":"HTML","text":"new"}"#
        )
    }

    @Test func `a head is the caption without buttons, and something where there is no caption`() {
        let photo = MediaItem(form: .photo, asset: sampleAsset())
        let head = message("done", [photo], keyboard: sampleButtons).call(for: .sendHead)
        #expect(head.parameters["text"] == "done")
        #expect(head.parameters["reply_markup"] == nil)
        #expect(message("", [photo]).call(for: .sendHead).parameters["text"] == "…")
    }

    @Test func `a medium is uploaded under its name with what is known of it`() throws {
        let video = MediaItem(form: .video, asset: sampleAsset("video/mp4"))
        let call = message("c", [video], keyboard: sampleButtons).call(
            for: .sendMedium,
            sources: [.file(path: "/tmp/x")]
        )
        #expect(call.method == "sendVideo")
        #expect(call.uploads == [.init(name: "m0", path: "/tmp/x", fileName: "result.bin", mimeType: "video/mp4")])
        #expect(
            try json(call)
                == #"{"caption":"c","chat_id":42,"duration":5,"height":480,"parse_mode":"HTML","reply_markup":{"inline_keyboard":[[{"callback_data":"v.again","text":"Again"}]]},"supports_streaming":true,"video":"attach://m0","width":640}"#
        )
    }

    @Test func `a stored file goes without bytes and in the form that Telegram made of it`() {
        let video = MediaItem(form: .video, asset: sampleAsset("video/mp4"))
        let stored = MediaSource.stored(.init(fileID: "AgAD", form: .animation))
        let call = message("", [video]).call(for: .sendMedium, sources: [stored])
        #expect(call.method == "sendAnimation")
        #expect(call.uploads.isEmpty)
        #expect(call.parameters["animation"] == "AgAD")
    }

    @Test func `an edited medium is one JSON value with its caption inside`() throws {
        let document = MediaItem(form: .document, asset: sampleAsset())
        let call = message("c", [document]) { $0.messageIDs = [5] }.call(for: .editMedium, sources: [.file(path: "/x")])
        #expect(call.method == "editMessageMedia")
        #expect(
            try json(call)
                == #"{"chat_id":42,"media":{"caption":"c","disable_content_type_detection":true,"media":"attach://m0","parse_mode":"HTML","type":"document"},"message_id":5}"#
        )
    }

    @Test func `an album has its caption on the first item only, or none above buttons`() throws {
        let photo = MediaItem(form: .photo, asset: sampleAsset())
        let sources = [MediaSource.file(path: "/a"), .stored(.init(fileID: "B", form: .photo))]
        let album = message("c", [photo, photo]).call(for: .sendAlbum, sources: sources)
        #expect(album.method == "sendMediaGroup")
        #expect(album.uploads.map(\.name) == ["m0"])
        #expect(
            album.parameters["media"]
                == [
                    ["type": "photo", "media": "attach://m0", "caption": "c", "parse_mode": "HTML"],
                    ["type": "photo", "media": "B"],
                ]
        )
        #expect(album.parameters["reply_markup"] == nil)
        let above = message("c", [photo, photo], keyboard: sampleButtons)
        #expect(above.call(for: .sendAlbum, sources: sources).parameters["media"]?.array?[0]["caption"] == nil)
        #expect(above.call(for: .sendBelowAlbum).parameters["text"] == "c")
        #expect(above.call(for: .sendBelowAlbum).parameters["reply_markup"] != nil)
    }

    @Test func `every command menu is within Telegram's limits`() {
        for menu in BotCommands.menus {
            #expect(menu.commands.count <= 100)
            for command in menu.commands {
                #expect((1...32).contains(command.name.count))
                #expect((1...256).contains(command.description.count))
            }
        }
    }

    private let large = MediaItem(form: .video, asset: sampleAsset("video/mp4", bytes: 73_400_001))
    private var download: [DownloadLink] { [DownloadLink(asset: large.asset, url: "https://a.b/files/x")] }

    @Test func `a medium that Telegram does not carry becomes a button below the text`() throws {
        let call = message("done", [large], keyboard: sampleButtons).call(for: .sendText, links: download)
        let rows = try #require(call.parameters["reply_markup"]?["inline_keyboard"]?.array)
        #expect(rows.count == 2)
        #expect(rows[1].array?[0]["url"] == "https://a.b/files/x")
        #expect(rows[1].array?[0]["text"] == "⬇️ Скачать видео (74 МБ)")
        #expect(message("", [large]).call(for: .sendText, links: download).parameters["text"] == "⬇️")
    }

    @Test func `beside media that fit it stands below them`() throws {
        let small = MediaItem(form: .photo, asset: sampleAsset())
        var one = message("both", [small, large])
        let first = one.nextStep()
        #expect(first == .sendHead)
        let photo = one.call(for: .sendMedium, sources: [.file(path: "p")], links: download)
        #expect(photo.method == "sendPhoto")
        #expect(photo.parameters["reply_markup"]?["inline_keyboard"]?.array?.count == 1)
        var album = message("three", [small, small, large])
        let step = album.nextStep()
        #expect(step == .sendAlbum)
        let verdict = album.settle(.sendAlbum, .accepted([["message_id": 1], ["message_id": 2]]))
        #expect(verdict == .next)
        let below = album.nextStep()
        #expect(below == .sendBelowAlbum)
        let text = album.call(for: .sendBelowAlbum, links: download)
        #expect(text.parameters["text"] == "three")
        #expect(text.parameters["reply_markup"]?["inline_keyboard"]?.array?.count == 1)
    }
}
