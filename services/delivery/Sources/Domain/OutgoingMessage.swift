package import Contracts

/// A message or card on its way into a chat, as its lane works on it: a state machine without I/O and clock.
///
/// `nextStep` names the one call to make; `settle` takes its answer and says what to do. Everything it learns is in
/// `progress`, which is stored with each step, so that another process can go on after a crash.
package struct OutgoingMessage: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// Edited in place; named by a key in its chat.
        case card
        /// Sent once.
        case message
    }

    package let kind: Kind
    package let chatID: ChatID
    /// Of the content; 0 for a message.
    package let revision: Int64
    package var content: MessageContent
    package let replyTo: Int64?
    package let isSilent: Bool
    /// The card is to appear anew at the end of the chat.
    package var isRepost: Bool
    package var progress: MessageProgress

    package init(
        kind: Kind,
        chatID: ChatID,
        revision: Int64 = 0,
        content: MessageContent,
        replyTo: Int64? = nil,
        isSilent: Bool = false,
        isRepost: Bool = false,
        progress: MessageProgress = MessageProgress()
    ) {
        self.kind = kind
        self.chatID = chatID
        self.revision = revision
        self.content = content
        self.replyTo = replyTo
        self.isSilent = isSilent
        self.isRepost = isRepost
        self.progress = progress
    }

    /// The media that can be uploaded.
    package var media: [MediaItem] { content.media.filter { MediaRules.fits($0.asset) } }

    /// The media over Telegram's limit: a button with a link stands for each.
    package var linked: [MediaItem] { content.media.filter { !MediaRules.fits($0.asset) } }

    /// The form that each medium is sent in.
    package var forms: [MediaItem.Form] {
        if media.count > 1 { return MediaRules.albumForms(of: media, overrides: progress.forms) }
        return media.map { progress.forms[0] ?? MediaRules.form(of: $0) }
    }

    /// Whether an album's buttons go below it, with the text.
    package var hasTextBelowAlbum: Bool {
        media.count > 1 && (ContentCheck.belowAlbum(content) || !linked.isEmpty)
    }
}

/// What is known about a message in the chat so far.
package struct MessageProgress: Codable, Sendable, Equatable {
    /// The messages in the chat now.
    package var messageIDs: [Int64] = []
    /// The revision that the adjustments below were made for.
    package var revision: Int64 = 0
    /// Messages that were replaced and are to be deleted.
    package var staleIDs: [Int64] = []
    package var shown: Shown?
    /// Telegram refused the HTML: send the text without markup.
    package var isPlain = false
    /// Telegram refused to turn a text into this medium: send it as a new message.
    package var isDirect = false
    /// The message to reply to is gone.
    package var dropsReply = false
    /// A stored file id was refused: upload the bytes.
    package var uploadsAnew = false
    /// Forms chosen after refusals, by place.
    package var forms: [Int: MediaItem.Form] = [:]
    /// How often an unanswered head or card was sent again for the present revision.
    package var repeats = 0
    /// How often a vanished or uneditable message was replaced for the present revision.
    package var replacements = 0
    /// Tries in a row that came to nothing.
    package var tries = 0

    /// What the newest message in the chat shows.
    package struct Shown: Codable, Sendable, Equatable {
        package enum Kind: String, Codable, Sendable {
            /// The caption as a text, about to be edited into its medium.
            case head
            case text, medium
            /// An album whose text and buttons are still to come.
            case bareAlbum
            /// An album, complete.
            case album
        }

        package var kind: Kind
        package var revision: Int64
        /// The medium's asset and form.
        package var assetID: AssetID?
        package var form: MediaItem.Form?

        package init(_ kind: Kind, revision: Int64, assetID: AssetID? = nil, form: MediaItem.Form? = nil) {
            self.kind = kind
            self.revision = revision
            self.assetID = assetID
            self.form = form
        }
    }

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case messageIDs = "ids"
        case revision = "rev"
        case staleIDs = "stale"
        case shown
        case isPlain = "plain"
        case isDirect = "direct"
        case dropsReply = "no_reply"
        case uploadsAnew = "upload"
        case forms
        case repeats
        case replacements
        case tries
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        messageIDs = try values.decodeIfPresent([Int64].self, forKey: .messageIDs) ?? []
        revision = try values.decodeIfPresent(Int64.self, forKey: .revision) ?? 0
        staleIDs = try values.decodeIfPresent([Int64].self, forKey: .staleIDs) ?? []
        shown = try values.decodeIfPresent(Shown.self, forKey: .shown)
        isPlain = try values.decodeIfPresent(Bool.self, forKey: .isPlain) ?? false
        isDirect = try values.decodeIfPresent(Bool.self, forKey: .isDirect) ?? false
        dropsReply = try values.decodeIfPresent(Bool.self, forKey: .dropsReply) ?? false
        uploadsAnew = try values.decodeIfPresent(Bool.self, forKey: .uploadsAnew) ?? false
        forms = try values.decodeIfPresent([Int: MediaItem.Form].self, forKey: .forms) ?? [:]
        repeats = try values.decodeIfPresent(Int.self, forKey: .repeats) ?? 0
        replacements = try values.decodeIfPresent(Int.self, forKey: .replacements) ?? 0
        tries = try values.decodeIfPresent(Int.self, forKey: .tries) ?? 0
    }
}

/// One call that brings a message forward.
package enum SendStep: String, Sendable, Equatable, CaseIterable {
    case sendText = "send_text"
    /// The caption as a text that is then edited into the medium. An upload takes long and may end unanswered; an edit
    /// can be repeated, a send can't. Of a result, only this short text is at risk of appearing twice.
    case sendHead = "send_head"
    case sendMedium = "send_medium"
    case sendAlbum = "send_album"
    /// Text and buttons below an album.
    case sendBelowAlbum = "send_below_album"
    case editText = "edit_text"
    case editCaption = "edit_caption"
    case editMedium = "edit_medium"
    case deleteStale = "delete_stale"

    /// Whether doing it twice is the same as doing it once.
    package var isRepeatable: Bool {
        switch self {
        case .editText, .editCaption, .editMedium, .deleteStale: true
        case .sendText, .sendHead, .sendMedium, .sendAlbum, .sendBelowAlbum: false
        }
    }

    /// Whether Telegram counts it against the chat's pace: what a person sees appear or change does, a tidied message
    /// does not.
    package var costsPace: Bool { self != .deleteStale }

    /// Whether it carries buttons.
    package var hasKeyboard: Bool { ![.sendHead, .sendAlbum, .deleteStale].contains(self) }

    /// Whether it carries media.
    package var needsMedia: Bool { [.sendMedium, .sendAlbum, .editMedium].contains(self) }
}
