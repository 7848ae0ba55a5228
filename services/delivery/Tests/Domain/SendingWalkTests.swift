import Contracts
import DeliveryService
import ProofKit
import Testing

/// Random answers against a model of the chat: whatever happens, a message ends, and nothing shows twice beyond what the
/// design admits.
@Suite struct SendingWalkTests {
    /// What a chat shows, and how calls change it.
    private struct Chat {
        var messages: [Int64: String] = [:]
        var lastID: Int64 = 0
        var mediaSends = 0

        mutating func act(_ step: SendStep, _ message: OutgoingMessage) -> TelegramAnswer {
            let target = message.progress.messageIDs.first ?? 0
            switch step {
            case .sendText, .sendHead, .sendBelowAlbum: return add("text")
            case .sendMedium:
                mediaSends += 1
                return add("medium")
            case .sendAlbum:
                mediaSends += 1
                let ids = message.media.map { _ in add("medium") }
                return .accepted(.array(ids.compactMap { if case .accepted(let value) = $0 { value } else { nil } }))
            case .editText, .editCaption, .editMedium:
                guard messages[target] != nil else { return .targetGone }
                messages[target] = step == .editMedium ? "medium" : messages[target]
                return .accepted(["message_id": .integer(target)])
            case .deleteStale:
                for id in message.progress.staleIDs { messages[id] = nil }
                return .accepted(true)
            }
        }

        private mutating func add(_ kind: String) -> TelegramAnswer {
            lastID += 1
            messages[lastID] = kind
            return .accepted(["message_id": .integer(lastID)])
        }
    }

    @Test(arguments: 0..<400)
    func `every message ends, with its media at most once in the chat`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) &+ 1)
        let photo = MediaItem(form: .photo, asset: sampleAsset())
        let count = Int.random(in: 0...3, using: &random)
        var message = OutgoingMessage(
            kind: .message,
            chatID: 1,
            content: MessageContent(
                text: "t",
                media: Array(repeating: photo, count: count),
                keyboard: Bool.random(using: &random) ? sampleButtons : []
            )
        )
        var chat = Chat()
        var steps = 0
        var end: OutgoingMessage.Verdict?
        while end == nil, steps < 100, let step = message.nextStep() {
            steps += 1
            let answer = answer(step, message, &chat, &random, isCalm: steps > 40)
            // A crash between the answer and its record: the next holder only knows that the step had begun.
            let isCrash = steps < 40 && Int.random(in: 0..<10, using: &random) == 0
            let verdict = isCrash ? message.recover(step) : message.settle(step, answer)
            switch verdict {
            case .unknown, .failed, .unknownAndFlooded: end = verdict
            default: break
            }
        }
        #expect(steps < 100, "seed \(seed): no end")
        #expect(chat.mediaSends <= 1 || message.progress.replacements > 0, "seed \(seed)")
        let shown = chat.messages.values.filter { $0 == "medium" }.count
        #expect(shown <= max(1, count), "seed \(seed): \(shown) media in the chat")
        if end == nil && count == 1 { #expect(shown == 1, "seed \(seed): ended well without its medium") }
        // Texts: the message itself or one repeated head beside the medium.
        let texts = chat.messages.values.filter { $0 == "text" }.count
        #expect(texts <= 2, "seed \(seed): \(texts) texts")
    }

    private func answer(
        _ step: SendStep,
        _ message: OutgoingMessage,
        _ chat: inout Chat,
        _ random: inout SeededGenerator,
        isCalm: Bool
    ) -> TelegramAnswer {
        switch isCalm ? 9 : Int.random(in: 0..<10, using: &random) {
        case 0: return .notSent("cannot_connect")
        case 1: return .uncertain("nothing happened")
        case 2:
            _ = chat.act(step, message)
            return .uncertain("it happened")
        case 3: return .flooded(seconds: 1)
        case 4 where step.needsMedia: return .pictureRefused
        default: return chat.act(step, message)
        }
    }
}
