package import Contracts

/// What Telegram tells about messages that it has taken.
package struct SentMessage: Sendable, Equatable {
    /// In the order of the album; one for a single message.
    package var messageIDs: [Int64]
    /// What was made of each medium, by its place in the message.
    package var files: [StoredFile?]

    /// A file as Telegram keeps it, to be sent again without bytes.
    package struct StoredFile: Sendable, Equatable {
        package var fileID: String
        /// What Telegram made of it, which may differ from what was sent: a silent video comes back as an animation.
        package var form: MediaItem.Form

        package init(fileID: String, form: MediaItem.Form) {
            self.fileID = fileID
            self.form = form
        }
    }

    package init(messageIDs: [Int64], files: [StoredFile?] = []) {
        self.messageIDs = messageIDs
        self.files = files
    }

    /// Reads a `Message` or an array of them; `true` (an edit's short answer) names no message.
    package init(result: JSONValue) {
        let messages = result.array ?? (result.object == nil ? [] : [result])
        messageIDs = messages.compactMap { $0["message_id"]?.integer }
        files = messages.map(Self.file)
    }

    private static func file(in message: JSONValue) -> StoredFile? {
        // Largest size last. An animation also fills `document`, so the order matters.
        if let photo = message["photo"]?.array?.last?["file_id"]?.string {
            return StoredFile(fileID: photo, form: .photo)
        }
        for form in [MediaItem.Form.animation, .video, .audio, .voice, .document] {
            if let id = message[form.rawValue]?["file_id"]?.string { return StoredFile(fileID: id, form: form) }
        }
        return nil
    }
}
