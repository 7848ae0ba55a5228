internal import Contracts

extension OutgoingMessage {
    /// The next call to make; nil when the chat shows the content and nothing is left over.
    ///
    /// Changes `progress` where a message is given up for a new one.
    package mutating func nextStep() -> SendStep? {
        if progress.revision != revision { startRevision() }
        if isRepost && !progress.messageIDs.isEmpty { giveUpShown() }
        isRepost = false
        let step =
            switch media.count {
            case 0: textStep()
            case 1: mediumStep(media[0])
            default: albumStep()
            }
        return step ?? (progress.staleIDs.isEmpty ? nil : .deleteStale)
    }

    private mutating func textStep() -> SendStep? {
        guard let shown = progress.shown else { return .sendText }
        switch shown.kind {
        case .text, .head:
            return shown.revision == revision && shown.kind == .text ? nil : .editText
        case .medium, .album, .bareAlbum:
            // Telegram can't turn a medium back into a text.
            giveUpShown()
            return .sendText
        }
    }

    private mutating func mediumStep(_ item: MediaItem) -> SendStep? {
        let form = forms[0]
        let canReplace = form != .voice && !progress.isDirect
        guard let shown = progress.shown else { return canReplace ? .sendHead : .sendMedium }
        switch shown.kind {
        case .medium where shown.revision == revision:
            return nil
        case .medium where shown.assetID == item.asset.assetID && shown.form == form:
            return .editCaption
        case .text, .head, .medium:
            if canReplace { return .editMedium }
        case .album, .bareAlbum:
            break
        }
        giveUpShown()
        return .sendMedium
    }

    private func albumStep() -> SendStep? {
        switch progress.shown?.kind {
        case nil: .sendAlbum
        case .bareAlbum: .sendBelowAlbum
        default: nil
        }
    }

    /// Forgets what was learned about the content of an earlier revision.
    private mutating func startRevision() {
        let isSameMedium = media.first != nil && progress.shown?.assetID == media.first?.asset.assetID
        progress.revision = revision
        progress.isPlain = false
        progress.isDirect = false
        progress.dropsReply = false
        progress.uploadsAnew = false
        progress.repeats = 0
        progress.replacements = 0
        progress.tries = 0
        if !isSameMedium { progress.forms = [:] }
    }

    /// Marks what the chat shows as to be deleted, so that the next step sends anew.
    mutating func giveUpShown() {
        progress.staleIDs += progress.messageIDs
        progress.messageIDs = []
        progress.shown = nil
    }
}
