import Contracts
import DeliveryService
import Testing

@Suite struct OutgoingMessageTests {
    private static let photo = MediaItem(form: .photo, asset: sampleAsset())

    private func message(
        _ text: String = "hi",
        _ media: [MediaItem] = [],
        kind: OutgoingMessage.Kind = .message,
        revision: Int64 = 0,
        keyboard: [[Button]] = [],
        progress: MessageProgress = MessageProgress(),
        repost: Bool = false
    ) -> OutgoingMessage {
        OutgoingMessage(
            kind: kind,
            chatID: 42,
            revision: revision,
            content: MessageContent(text: text, media: media, keyboard: keyboard),
            isRepost: repost,
            progress: progress
        )
    }

    /// Takes each planned step with these answers and returns the steps; the plan must then be empty.
    private func run(_ message: inout OutgoingMessage, _ answers: TelegramAnswer...) -> [SendStep] {
        var steps: [SendStep] = []
        for answer in answers {
            guard let step = message.nextStep() else { break }
            steps.append(step)
            _ = message.settle(step, answer)
        }
        #expect(message.nextStep() == nil)
        return steps
    }

    private func sent(_ id: Int64) -> TelegramAnswer { .accepted(["message_id": .integer(id)]) }

    // MARK: Unknown outcomes

    @Test(arguments: [TelegramAnswer.uncertain("deadline_exceeded"), .uncertain("status 502")])
    func `a text whose answer is lost is not sent again`(answer: TelegramAnswer) {
        var text = message()
        #expect(text.nextStep() == .sendText)
        #expect(text.settle(.sendText, answer) == .unknown)
    }

    @Test func `a text that certainly did not leave is sent again`() {
        var text = message()
        #expect(text.settle(.sendText, .notSent("cannot_connect")) == .retry)
        #expect(text.progress.tries == 1)
        #expect(text.nextStep() == .sendText)
    }

    @Test func `an edit whose answer is lost is repeated, and "not modified" then means success`() {
        var card = message(kind: .card, revision: 1)
        #expect(run(&card, sent(7)) == [.sendText])
        card = message("new", kind: .card, revision: 2, progress: card.progress)
        #expect(card.nextStep() == .editText)
        #expect(card.settle(.editText, .uncertain("connection_lost")) == .retry)
        #expect(card.nextStep() == .editText)
        #expect(card.settle(.editText, .notModified) == .next)
        #expect(card.nextStep() == nil)
        #expect(card.progress.messageIDs == [7])
    }

    @Test func `a medium is edited into a head, and its upload can be repeated`() {
        var result = message("done", [Self.photo])
        #expect(result.nextStep() == .sendHead)
        #expect(result.settle(.sendHead, sent(5)) == .next)
        #expect(result.nextStep() == .editMedium)
        #expect(result.settle(.editMedium, .uncertain("deadline_exceeded")) == .retry)
        #expect(result.nextStep() == .editMedium)
        #expect(result.settle(.editMedium, sent(5)) == .next)
        #expect(result.nextStep() == nil)
        #expect(result.progress.messageIDs == [5])
    }

    @Test func `a lost head is repeated once, because the result stands behind it`() {
        var result = message("done", [Self.photo])
        #expect(result.settle(.sendHead, .uncertain("x")) == .retry)
        #expect(result.nextStep() == .sendHead)
        #expect(result.settle(.sendHead, .uncertain("x")) == .unknown)
    }

    @Test func `a lost album is never sent again`() {
        var album = message("", [Self.photo, Self.photo])
        #expect(album.nextStep() == .sendAlbum)
        #expect(album.settle(.sendAlbum, .uncertain("x")) == .unknown)
        #expect(album.settle(.sendAlbum, .partlyFlooded(seconds: 8)) == .unknownAndFlooded(seconds: 8))
    }

    @Test(arguments: SendStep.allCases)
    func `a step left by a dead process is taken as unanswered`(step: SendStep) {
        var left = message()
        let expected: OutgoingMessage.Verdict = step.isRepeatable || step == .sendHead ? .retry : .unknown
        #expect(left.recover(step) == expected)
    }

    @Test func `a card whose first sending is unanswered is sent once more, and then anew with its next revision`() {
        var card = message(kind: .card, revision: 1)
        #expect(card.nextStep() == .sendText)
        #expect(card.settle(.sendText, .uncertain("x")) == .retry)
        #expect(card.nextStep() == .sendText)
        #expect(card.settle(.sendText, .uncertain("x")) == .unknown)
        card = message("b", kind: .card, revision: 2, progress: card.progress)
        #expect(card.nextStep() == .sendText)
    }

    @Test func `a step left by a dead process says nothing about a newer revision`() {
        var card = message(kind: .card, revision: 1)
        _ = card.nextStep()
        card.progress.repeats = 1
        card = message("b", kind: .card, revision: 2, progress: card.progress)
        #expect(card.recover(.sendText) == .next)
        #expect(card.nextStep() == .sendText)
    }

    // MARK: Plans

    @Test func `a card changes in place between text and medium as far as Telegram can`() {
        var card = message(kind: .card, revision: 1)
        #expect(run(&card, sent(7)) == [.sendText])
        card = message("with photo", [Self.photo], kind: .card, revision: 2, progress: card.progress)
        #expect(run(&card, sent(7)) == [.editMedium])
        card = message("other caption", [Self.photo], kind: .card, revision: 3, progress: card.progress)
        #expect(run(&card, sent(7)) == [.editCaption])
        let other = MediaItem(form: .video, asset: sampleAsset("video/mp4"))
        card = message("", [other], kind: .card, revision: 4, progress: card.progress)
        #expect(run(&card, sent(7)) == [.editMedium])
        card = message("text again", kind: .card, revision: 5, progress: card.progress)
        #expect(run(&card, sent(8), .accepted(true)) == [.sendText, .deleteStale])
        #expect(card.progress.messageIDs == [8])
        #expect(card.progress.staleIDs.isEmpty)
    }

    @Test func `a repost sends anew first and then deletes the old one`() {
        var card = message(kind: .card, revision: 1)
        #expect(run(&card, sent(7)) == [.sendText])
        card = message("again", kind: .card, revision: 2, progress: card.progress, repost: true)
        #expect(run(&card, sent(9), .targetGone) == [.sendText, .deleteStale])
        #expect(card.progress.messageIDs == [9])
    }

    @Test func `an album's text and buttons go below it`() {
        var album = message("take one", [Self.photo, Self.photo], keyboard: sampleButtons)
        let answer = TelegramAnswer.accepted([["message_id": 1], ["message_id": 2]])
        #expect(run(&album, answer, sent(3)) == [.sendAlbum, .sendBelowAlbum])
        #expect(album.progress.messageIDs == [1, 2, 3])
        var bare = message("caption", [Self.photo, Self.photo])
        #expect(run(&bare, answer) == [.sendAlbum])
    }

    @Test func `voices are sent directly, since Telegram can't edit them in`() {
        var voice = message("", [MediaItem(form: .voice, asset: sampleAsset("audio/ogg"))])
        #expect(run(&voice, sent(1)) == [.sendMedium])
    }

    @Test func `media over the upload limit are left out and the text stands for them`() {
        var large = message(
            "too big, see the link",
            [MediaItem(form: .video, asset: sampleAsset("video/mp4", bytes: 50_000_001))]
        )
        #expect(run(&large, sent(1)) == [.sendText])
    }

    // MARK: Refusals

    @Test func `a card that the user has deleted is sent anew`() {
        var card = message(kind: .card, revision: 1)
        #expect(run(&card, sent(7)) == [.sendText])
        card = message("b", kind: .card, revision: 2, progress: card.progress)
        #expect(run(&card, .targetGone, sent(8)) == [.editText, .sendText])
        #expect(card.progress.messageIDs == [8])
    }

    @Test func `a card that can't be edited is replaced`() {
        var card = message(kind: .card, revision: 1)
        #expect(run(&card, sent(7)) == [.sendText])
        card = message("b", kind: .card, revision: 2, progress: card.progress)
        #expect(run(&card, .notEditable, sent(8), .accepted(true)) == [.editText, .sendText, .deleteStale])
    }

    @Test func `a card that vanishes each time is given up`() {
        var card = message(kind: .card, revision: 1)
        var verdicts: [OutgoingMessage.Verdict] = []
        for _ in 0..<4 {
            card.progress.messageIDs = [7]
            verdicts.append(card.settle(.editText, .targetGone))
        }
        #expect(verdicts == [.next, .next, .next, .failed("can't be edited or replaced")])
    }

    @Test func `a medium that can't be edited in is sent directly and the head deleted`() {
        var result = message("done", [Self.photo])
        #expect(
            run(&result, sent(5), .rejected("?"), sent(6), .accepted(true))
                == [.sendHead, .editMedium, .sendMedium, .deleteStale]
        )
        #expect(result.progress.messageIDs == [6])
    }

    @Test func `a refused photo goes as a document, a forbidden voice as audio`() {
        var result = message("", [Self.photo])
        #expect(run(&result, sent(5), .pictureRefused, sent(5)) == [.sendHead, .editMedium, .editMedium])
        #expect(result.forms == [.document])
        var voice = message("", [MediaItem(form: .voice, asset: sampleAsset("audio/ogg"))])
        #expect(voice.nextStep() == .sendMedium)
        #expect(voice.settle(.sendMedium, .formForbidden) == .next)
        #expect(voice.forms == [.audio])
        #expect(voice.nextStep() == .sendHead)
    }

    @Test func `a medium refused in words that nobody knows is tried as a document`() {
        var video = message("done", [MediaItem(form: .video, asset: sampleAsset("video/mp4"))])
        #expect(video.settle(.sendMedium, .rejected("VIDEO_CONTENT_TYPE_INVALID")) == .next)
        #expect(video.forms == [.document])
        #expect(video.settle(.sendMedium, .rejected("MEDIA_EMPTY")) == .failed("Telegram takes these media in no form"))
    }

    @Test func `a document that is refused too fails`() {
        var result = message("", [MediaItem(form: .document, asset: sampleAsset())])
        #expect(result.settle(.editMedium, .tooLarge) == .failed("Telegram takes these media in no form"))
    }

    @Test func `bad markup is sent without, a bad file id uploaded, a lost reply dropped, each once`() {
        var text = message("<x>")
        #expect(text.settle(.sendText, .markupRefused) == .next)
        #expect(text.settle(.sendText, .markupRefused) == .failed("markup_refused"))
        var medium = message("", [Self.photo])
        #expect(medium.settle(.editMedium, .fileIDRefused) == .next)
        #expect(medium.progress.uploadsAnew)
        #expect(medium.settle(.editMedium, .fileIDRefused) == .failed("file_id_refused"))
        var reply = message()
        #expect(reply.settle(.sendText, .replyTargetGone) == .next)
        #expect(reply.settle(.sendText, .replyTargetGone) == .failed("reply_target_gone"))
    }

    @Test func `what was learned about one revision is forgotten with the next`() {
        var card = message("<x>", kind: .card, revision: 1)
        _ = card.nextStep()
        _ = card.settle(.sendText, .markupRefused)
        card = message("<b>fine</b>", kind: .card, revision: 2, progress: card.progress)
        _ = card.nextStep()
        #expect(!card.progress.isPlain)
    }

    @Test func `blocks, floods, moves and a revoked token are told apart`() {
        var text = message()
        #expect(text.settle(.sendText, .unreachable("blocked")) == .blocked("blocked"))
        #expect(text.settle(.sendText, .flooded(seconds: 17)) == .flooded(seconds: 17))
        #expect(text.settle(.sendText, .moved(-100)) == .moved(-100))
        #expect(text.settle(.sendText, .unauthorized) == .botRefused)
        #expect(text.settle(.sendText, .rejected("BUTTON_DATA_INVALID")) == .failed("BUTTON_DATA_INVALID"))
    }

    @Test func `progress survives being stored, and an empty text reads as none`() throws {
        var progress = MessageProgress()
        progress.messageIDs = [1, 2]
        progress.staleIDs = [3]
        progress.shown = .init(.medium, revision: 4, assetID: AssetID(), form: .video)
        progress.forms = [1: .document]
        progress.isPlain = true
        progress.tries = 5
        #expect(try MessageProgress(json: progress.json) == progress)
        #expect(try MessageProgress(json: "{}") == MessageProgress())
    }
}
