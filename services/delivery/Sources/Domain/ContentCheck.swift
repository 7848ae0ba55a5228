package import Contracts

/// Whether Telegram could take a message at all, asked before it is stored.
package enum ContentCheck {
    package static let maximumText = 4_096
    package static let maximumCaption = 1_024
    package static let maximumButtons = 24
    package static let maximumButtonsInRow = 8
    package static let maximumAlbum = 10
    package static let maximumCallbackBytes = 64

    /// What is wrong with the content, in English; nil if nothing is.
    ///
    /// - Parameter isCard: Cards carry at most one medium, because albums can't be edited.
    package static func fault(in content: MessageContent, isCard: Bool) -> String? {
        let length = PlainText.length(content.text)
        let captionLimit = content.media.isEmpty || belowAlbum(content) ? maximumText : maximumCaption
        if content.media.count > (isCard ? 1 : maximumAlbum) { return "too many media" }
        if content.media.isEmpty && isBlank(content.text) { return "neither text nor media" }
        if length > captionLimit { return "the text has \(length) characters, \(captionLimit) are allowed" }
        if belowAlbum(content) && isBlank(content.text) { return "an album's buttons need a text" }
        return fault(in: content.keyboard)
    }

    /// Whether the text stands in a message of its own, which carries the buttons, below an album.
    package static func belowAlbum(_ content: MessageContent) -> Bool {
        content.media.count > 1 && !content.keyboard.joined().isEmpty
    }

    /// What is wrong with a card's key, nil if nothing is.
    package static func fault(inCardKey key: String) -> String? {
        let isGood =
            (1...80).contains(key.utf8.count)
            && key.utf8.allSatisfy { byte in
                (0x30...0x3a).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                    || byte == 0x5f || byte == 0x2d
            }
        return isGood ? nil : "a card's key is 1 to 80 of A-Za-z0-9:_-"
    }

    private static func fault(in keyboard: [[Button]]) -> String? {
        if keyboard.joined().count > maximumButtons { return "more than \(maximumButtons) buttons" }
        if keyboard.contains(where: { $0.count > maximumButtonsInRow }) { return "a row with too many buttons" }
        for button in keyboard.joined() {
            if isBlank(button.text) { return "a button without text" }
            let actions = [button.callbackData, button.url, button.copyText].compactMap(\.self)
            if actions.count != 1 { return "a button needs exactly one action" }
            if let data = button.callbackData, !(1...maximumCallbackBytes).contains(data.utf8.count) {
                return "callback data of \(data.utf8.count) bytes, 1 to \(maximumCallbackBytes) are allowed"
            }
            if let text = button.copyText, !(1...256).contains(text.utf16.count) {
                return "a copy text of a wrong length"
            }
        }
        return nil
    }

    private static func isBlank(_ text: String) -> Bool {
        PlainText.strip(text).allSatisfy(\.isWhitespace)
    }
}
