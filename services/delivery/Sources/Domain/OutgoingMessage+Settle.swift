package import Contracts

extension OutgoingMessage {
    /// What the lane does after an answer.
    package enum Verdict: Sendable, Equatable {
        /// Plan again at once.
        case next
        /// It may or may not be in the chat, and must not be sent again.
        case unknown
        /// Never goes out.
        case failed(String)
        /// Nothing can be sent to the chat; everything waits for the user's return.
        case blocked(String)
        /// Try again after a growing pause of the whole lane, which keeps the order.
        case retry
        /// Try again after Telegram's pause.
        case flooded(seconds: Int)
        /// An album went out in part, and the chat must rest.
        case unknownAndFlooded(seconds: Int)
        /// Everything of this chat goes to another id from now on.
        case moved(ChatID)
        /// The token is not accepted: nothing of this bot can go out.
        case botRefused
    }

    private static let maximumRepeats = 1
    private static let maximumReplacements = 3

    /// Takes the answer to a step.
    package mutating func settle(_ step: SendStep, _ answer: TelegramAnswer) -> Verdict {
        switch answer {
        case .accepted(let result):
            accept(step, SentMessage(result: result))
            return .next
        case .notModified:
            accept(step, SentMessage(messageIDs: []))
            return .next
        case .notSent:
            progress.tries += 1
            return .retry
        case .uncertain:
            return uncertain(step)
        case .flooded(let seconds):
            return .flooded(seconds: seconds)
        case .partlyFlooded(let seconds):
            return .unknownAndFlooded(seconds: seconds)
        case .moved(let chat):
            return .moved(chat)
        case .unreachable(let reason):
            return .blocked(reason)
        case .unauthorized:
            return .botRefused
        default:
            return step == .deleteStale ? forgetStale() : refused(step, answer)
        }
    }

    /// What a lane finds that a process left in the middle of a step: the request may have been written.
    ///
    /// If the step was made for an older revision, the present one goes out as if nothing had been tried.
    package mutating func recover(_ step: SendStep) -> Verdict {
        progress.revision == revision ? uncertain(step) : .next
    }

    private mutating func accept(_ step: SendStep, _ sent: SentMessage) {
        progress.tries = 0
        switch step {
        case .sendText: show(.text, sent.messageIDs)
        case .sendHead: show(.head, sent.messageIDs)
        case .sendMedium: show(.medium, sent.messageIDs)
        case .sendAlbum: show(hasTextBelowAlbum ? .bareAlbum : .album, sent.messageIDs)
        case .sendBelowAlbum: show(.album, progress.messageIDs + sent.messageIDs)
        case .editText: show(.text, progress.messageIDs)
        case .editCaption, .editMedium: show(.medium, progress.messageIDs)
        case .deleteStale: progress.staleIDs = []
        }
    }

    private mutating func show(_ kind: MessageProgress.Shown.Kind, _ ids: [Int64]) {
        progress.messageIDs = ids
        progress.replacements = 0
        let item = kind == .medium ? media.first : nil
        progress.shown = .init(
            kind,
            revision: revision,
            assetID: item?.asset.assetID,
            form: item == nil ? nil : forms.first
        )
    }

    private mutating func uncertain(_ step: SendStep) -> Verdict {
        progress.tries += 1
        if step.isRepeatable { return .retry }
        guard mayShowTwice(step), progress.repeats < Self.maximumRepeats else { return .unknown }
        progress.repeats += 1
        return .retry
    }

    /// Where nothing at all would be worse than twice: a lost head would lose the result behind it, and a lost card is
    /// silence where the user waits for a reaction. A second copy of either is only a stale view.
    private func mayShowTwice(_ step: SendStep) -> Bool {
        step == .sendHead || (step == .sendText && kind == .card)
    }

    private mutating func forgetStale() -> Verdict {
        // Older than 48 hours, or deleted by the user: there is nothing left to do about it.
        progress.staleIDs = []
        return .next
    }

    private mutating func refused(_ step: SendStep, _ answer: TelegramAnswer) -> Verdict {
        switch answer {
        case .targetGone where step.isRepeatable:
            progress.messageIDs = []
            progress.shown = nil
            return replaced()
        case .notEditable where step == .editMedium, .rejected where step == .editMedium && !progress.isDirect:
            progress.isDirect = true
            giveUpShown()
            return replaced()
        case .notEditable where step.isRepeatable:
            giveUpShown()
            return replaced()
        case .replyTargetGone where !progress.dropsReply:
            progress.dropsReply = true
            return .next
        case .fileIDRefused where step.needsMedia && !progress.uploadsAnew:
            progress.uploadsAnew = true
            return .next
        case .markupRefused where !progress.isPlain:
            progress.isPlain = true
            return .next
        // Words that are not known may be about the form of a paid result: a document is still tried.
        case .pictureRefused where step.needsMedia, .tooLarge where step.needsMedia,
            .formForbidden where step.needsMedia, .rejected where step.needsMedia:
            return fallBack(voiceToAudio: answer == .formForbidden)
        default:
            return .failed(failure(answer))
        }
    }

    /// Each replacement makes a new message in the chat, so their number is bounded.
    private mutating func replaced() -> Verdict {
        progress.replacements += 1
        return progress.replacements > Self.maximumReplacements ? .failed("can't be edited or replaced") : .next
    }

    /// Sends every medium in a humbler form; fails when all are documents already.
    private mutating func fallBack(voiceToAudio: Bool) -> Verdict {
        var changed = false
        for (index, form) in forms.enumerated() where form != .document {
            progress.forms[index] = voiceToAudio && form == .voice ? .audio : .document
            changed = true
        }
        return changed ? .next : .failed("Telegram takes these media in no form")
    }

    private func failure(_ answer: TelegramAnswer) -> String {
        if case .rejected(let reason) = answer { reason } else { answer.label }
    }
}
