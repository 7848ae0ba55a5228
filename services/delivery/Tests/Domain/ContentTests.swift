import Contracts
import DeliveryService
import Testing

@Suite struct ContentTests {
    @Test(arguments: [
        ("a <b>bold</b> &lt;3 &amp; more", "a bold <3 & more"),
        ("<a href=\"https://x.y/?a=1&amp;b=2\">link</a>", "link"),
        ("2 < 3 & 5 > 4", "2 < 3 & 5 > 4"),
        ("&#128512;&#x41;&nbsp;&", "😀A&nbsp;&"),
        ("<tg-emoji emoji-id=\"5\">👍</tg-emoji>", "👍"),
        ("", ""), ("<", "<"), ("<b", "<b"),
    ])
    func `markup is taken away as Telegram does`(html: String, plain: String) {
        #expect(PlainText.strip(html) == plain)
    }

    @Test(
        arguments: [
            ("image/png", 1_000, 640, 480, MediaItem.Form.photo),
            ("image/png", 10_000_001, 640, 480, .document),
            ("image/png", 1_000, 9_000, 1_001, .document),
            ("image/png", 1_000, 2_001, 100, .document),
            ("image/png", 1_000, 2_000, 100, .photo),
            ("image/svg+xml", 1_000, 640, 480, .document),
            ("application/pdf", 1_000, 640, 480, .document),
        ] as [(String, Int64, Int, Int, MediaItem.Form)]
    )
    func `a picture is a photo within Telegram's limits, else a document`(
        mimeType: String,
        bytes: Int64,
        width: Int,
        height: Int,
        form: MediaItem.Form
    ) {
        let asset = sampleAsset(mimeType, bytes: bytes, width: width, height: height)
        #expect(MediaRules.form(of: MediaItem(form: .photo, asset: asset)) == form)
    }

    @Test func `a video that is not MP4 and a sound that is not MP3 go as documents`() {
        #expect(MediaRules.form(of: MediaItem(form: .video, asset: sampleAsset("video/webm"))) == .document)
        #expect(MediaRules.form(of: MediaItem(form: .video, asset: sampleAsset("video/mp4"))) == .video)
        #expect(MediaRules.form(of: MediaItem(form: .audio, asset: sampleAsset("audio/wav"))) == .document)
        #expect(MediaRules.form(of: MediaItem(form: .audio, asset: sampleAsset("audio/mpeg"))) == .audio)
        #expect(MediaRules.form(of: MediaItem(form: .voice, asset: sampleAsset("audio/ogg"))) == .voice)
    }

    @Test func `an album keeps forms that Telegram mixes and turns the rest into documents`() {
        let photo = MediaItem(form: .photo, asset: sampleAsset())
        let video = MediaItem(form: .video, asset: sampleAsset("video/mp4"))
        let audio = MediaItem(form: .audio, asset: sampleAsset("audio/mpeg"))
        let voice = MediaItem(form: .voice, asset: sampleAsset("audio/mpeg"))
        let animation = MediaItem(form: .animation, asset: sampleAsset("video/mp4"))
        #expect(MediaRules.albumForms(of: [photo, video]) == [.photo, .video])
        #expect(MediaRules.albumForms(of: [photo, audio]) == [.document, .document])
        #expect(MediaRules.albumForms(of: [audio, voice]) == [.audio, .audio])
        #expect(MediaRules.albumForms(of: [animation, photo]) == [.video, .photo])
        #expect(MediaRules.albumForms(of: [photo, photo], overrides: [1: .document]) == [.document, .document])
    }

    @Test func `content that Telegram would refuse is found before it is stored`() {
        let photo = MediaItem(form: .photo, asset: sampleAsset())
        let long = String(repeating: "я", count: 1_025)
        let cases: [(MessageContent, Bool, Bool)] = [
            (MessageContent(text: "ok"), false, true),
            (MessageContent(text: " \n"), false, false),
            (MessageContent(text: "<b></b>"), false, false),
            (MessageContent(text: String(repeating: "a", count: 4_097)), false, false),
            (MessageContent(text: long), false, true),
            (MessageContent(text: long, media: [photo]), false, false),
            (MessageContent(text: "<b>" + String(long.dropLast()) + "</b>", media: [photo]), false, true),
            (MessageContent(text: "", media: [photo]), false, true),
            (MessageContent(text: "a", media: [photo, photo]), true, false),
            (MessageContent(text: "", media: [photo, photo], keyboard: sampleButtons), false, false),
            (MessageContent(text: long, media: [photo, photo], keyboard: sampleButtons), false, true),
            (MessageContent(text: "", media: Array(repeating: photo, count: 11)), false, false),
            (MessageContent(text: "a", keyboard: [[Button(text: "x")]]), false, false),
            (
                MessageContent(text: "a", keyboard: [[Button(text: "x", callbackData: "d", url: "https://u.v")]]),
                false, false
            ),
            (
                MessageContent(
                    text: "a",
                    keyboard: [[Button(text: "x", callbackData: String(repeating: "ж", count: 33))]]
                ), false,
                false
            ),
            (MessageContent(text: "a", keyboard: Array(repeating: sampleButtons[0], count: 25)), false, false),
            (MessageContent(text: "a", keyboard: Array(repeating: sampleButtons[0], count: 24)), true, true),
        ]
        for (content, isCard, isGood) in cases {
            #expect((ContentCheck.fault(in: content, isCard: isCard) == nil) == isGood, "\(content.text.prefix(20))")
        }
    }

    @Test func `card keys have a narrow alphabet`() {
        #expect(ContentCheck.fault(inCardKey: "job:0193-a_B") == nil)
        for key in ["", "a b", "a/b", "ключ", String(repeating: "a", count: 81)] {
            #expect(ContentCheck.fault(inCardKey: key) != nil)
        }
    }
}
