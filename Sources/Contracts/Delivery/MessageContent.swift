/// What a message shows; rendered by conversation, sent by delivery as it is.
package struct MessageContent: Codable, Sendable, Equatable {
    /// Telegram HTML; the text, or the caption where there is media. At most 4096 characters, 1024 as a caption.
    package var text: String
    /// Empty: a text message. One: that medium with a caption. 2...10: an album (the keyboard then goes below it in a
    /// message of its own).
    package var media: [MediaItem]
    /// Rows of buttons; at most 24 in all.
    package var keyboard: [[Button]]

    package init(text: String, media: [MediaItem] = [], keyboard: [[Button]] = []) {
        self.text = text
        self.media = media
        self.keyboard = keyboard
    }
}

/// One medium of a message.
package struct MediaItem: Codable, Sendable, Equatable {
    package enum Form: String, Codable, Sendable, CaseIterable {
        case photo, video, audio, voice, animation, document
    }

    /// How it is shown; delivery falls back to `document` where Telegram's limits for the form are passed.
    package var form: Form
    /// The bytes, read from generation.
    package var asset: Asset

    package init(form: Form, asset: Asset) {
        self.form = form
        self.asset = asset
    }
}

/// An inline button. Exactly one of `callback_data`, `url`, `copy_text` is set.
package struct Button: Codable, Sendable, Equatable {
    package enum Style: String, Codable, Sendable, CaseIterable {
        case primary, success, danger
    }

    package var text: String
    /// 1...64 bytes.
    package var callbackData: String?
    package var url: String?
    package var copyText: String?
    package var style: Style?

    package init(
        text: String,
        callbackData: String? = nil,
        url: String? = nil,
        copyText: String? = nil,
        style: Style? = nil
    ) {
        self.text = text
        self.callbackData = callbackData
        self.url = url
        self.copyText = copyText
        self.style = style
    }
}
