package import Contracts

/// One call of the Bot API, ready to be sent: JSON where nothing is uploaded, else multipart.
package struct TelegramCall: Sendable, Equatable {
    package var method: String
    package var parameters: [String: JSONValue]
    package var uploads: [Upload]

    /// A file that goes with the call under `attach://<name>`.
    package struct Upload: Sendable, Equatable {
        package var name: String
        package var path: String
        package var fileName: String
        package var mimeType: String
    }

    package init(_ method: String, _ parameters: [String: JSONValue] = [:], uploads: [Upload] = []) {
        self.method = method
        self.parameters = parameters
        self.uploads = uploads
    }
}

/// Where the bytes of a medium come from.
package enum MediaSource: Sendable, Equatable {
    /// Telegram has them already, in this form.
    case stored(SentMessage.StoredFile)
    /// A local file.
    case file(path: String)
}

extension OutgoingMessage {
    /// The call for a step.
    ///
    /// - Parameters:
    ///   - sources: One for each of `media`; only steps that need media look at them.
    ///   - links: For media of `linked`; only steps with a keyboard show them.
    package func call(
        for step: SendStep,
        sources: [MediaSource] = [],
        links: [DownloadLink] = []
    ) -> TelegramCall {
        guard links.isEmpty else {
            var copy = self
            copy.content.keyboard += links.map { [$0.button] }
            return copy.call(for: step, sources: sources)
        }
        switch step {
        case .sendText, .sendHead, .sendBelowAlbum:
            return TelegramCall("sendMessage", addressed(texted(shownText), keyboard: step != .sendHead))
        case .editText:
            return TelegramCall("editMessageText", editing(texted(shownText)))
        case .editCaption:
            return TelegramCall("editMessageCaption", editing(captioned([:])))
        case .sendMedium:
            return mediumCall(sources)
        case .editMedium:
            return editMediumCall(sources)
        case .sendAlbum:
            return albumCall(sources)
        case .deleteStale:
            let ids = progress.staleIDs.suffix(100).map { JSONValue.integer($0) }
            return TelegramCall("deleteMessages", ["chat_id": .integer(chatID), "message_ids": .array(ids)])
        }
    }

    // MARK: - Whole calls

    private func mediumCall(_ sources: [MediaSource]) -> TelegramCall {
        let (form, value, uploads) = attach(0, sources)
        var parameters = captioned(describing(media[0].asset, as: form))
        parameters[form.rawValue] = .string(value)
        let method = "send" + form.rawValue.prefix(1).uppercased() + form.rawValue.dropFirst()
        return TelegramCall(method, addressed(parameters, keyboard: true), uploads: uploads)
    }

    private func editMediumCall(_ sources: [MediaSource]) -> TelegramCall {
        let (form, value, uploads) = attach(0, sources)
        var medium = captioned(describing(media[0].asset, as: form))
        medium["type"] = .string(form.rawValue)
        medium["media"] = .string(value)
        return TelegramCall("editMessageMedia", editing(["media": .object(medium)]), uploads: uploads)
    }

    private func albumCall(_ sources: [MediaSource]) -> TelegramCall {
        var items: [JSONValue] = []
        var uploads: [TelegramCall.Upload] = []
        for index in media.indices {
            let (form, value, upload) = attach(index, sources)
            var medium = describing(media[index].asset, as: form)
            // The caption stands under the whole album only if exactly one item has it.
            if index == 0 && !hasTextBelowAlbum { medium = captioned(medium) }
            medium["type"] = .string(form.rawValue)
            medium["media"] = .string(value)
            items.append(.object(medium))
            uploads += upload
        }
        return TelegramCall("sendMediaGroup", addressed(["media": .array(items)], keyboard: false), uploads: uploads)
    }

    // MARK: - Parts of calls

    /// The text, or something where there is none, since a text can't be empty.
    private var shownText: String {
        guard content.text.allSatisfy(\.isWhitespace) else { return content.text }
        return linked.isEmpty ? "…" : "⬇️"
    }

    private func texted(_ text: String) -> [String: JSONValue] {
        var parameters: [String: JSONValue] = ["link_preview_options": ["is_disabled": true]]
        parameters["text"] = .string(progress.isPlain ? PlainText.strip(text) : text)
        if !progress.isPlain { parameters["parse_mode"] = "HTML" }
        return parameters
    }

    private func captioned(_ parameters: [String: JSONValue]) -> [String: JSONValue] {
        guard !content.text.isEmpty else { return parameters }
        var parameters = parameters
        parameters["caption"] = .string(progress.isPlain ? PlainText.strip(content.text) : content.text)
        if !progress.isPlain { parameters["parse_mode"] = "HTML" }
        return parameters
    }

    private func describing(_ asset: Asset, as form: MediaItem.Form) -> [String: JSONValue] {
        var parameters: [String: JSONValue] = [:]
        if form == .video || form == .animation {
            if let width = asset.width { parameters["width"] = .integer(Int64(width)) }
            if let height = asset.height { parameters["height"] = .integer(Int64(height)) }
        }
        if form != .photo && form != .document, let seconds = asset.durationSeconds, seconds >= 0, seconds < 1e6 {
            parameters["duration"] = .integer(Int64(seconds.rounded(.up)))
        }
        if form == .video { parameters["supports_streaming"] = true }
        if form == .document { parameters["disable_content_type_detection"] = true }
        return parameters
    }

    private func attach(
        _ index: Int,
        _ sources: [MediaSource]
    ) -> (form: MediaItem.Form, value: String, uploads: [TelegramCall.Upload]) {
        precondition(index < sources.count, "a step with media needs a source for each")
        switch sources[index] {
        case .stored(let file):
            return (file.form, file.fileID, [])
        case .file(let path):
            let asset = media[index].asset
            let name = "m\(index)"
            let upload = TelegramCall.Upload(
                name: name,
                path: path,
                fileName: asset.fileName,
                mimeType: asset.mimeType
            )
            return (forms[index], "attach://\(name)", [upload])
        }
    }

    private func addressed(_ parameters: [String: JSONValue], keyboard: Bool) -> [String: JSONValue] {
        var parameters = parameters
        parameters["chat_id"] = .integer(chatID)
        if isSilent { parameters["disable_notification"] = true }
        if let replyTo, !progress.dropsReply {
            parameters["reply_parameters"] = ["message_id": .integer(replyTo), "allow_sending_without_reply": true]
        }
        if keyboard, let markup { parameters["reply_markup"] = markup }
        return parameters
    }

    /// An edit without `reply_markup` takes the buttons away, which is meant: the content says all.
    private func editing(_ parameters: [String: JSONValue]) -> [String: JSONValue] {
        var parameters = parameters
        parameters["chat_id"] = .integer(chatID)
        parameters["message_id"] = .integer(progress.messageIDs.first ?? 0)
        if let markup { parameters["reply_markup"] = markup }
        return parameters
    }

    private var markup: JSONValue? {
        let rows = content.keyboard.filter { !$0.isEmpty }
        return rows.isEmpty ? nil : ["inline_keyboard": .array(rows.map { .array($0.map(Self.button)) })]
    }

    private static func button(_ button: Button) -> JSONValue {
        var object: [String: JSONValue] = ["text": .string(button.text)]
        if let data = button.callbackData { object["callback_data"] = .string(data) }
        if let url = button.url { object["url"] = .string(url) }
        if let text = button.copyText { object["copy_text"] = ["text": .string(text)] }
        if let style = button.style { object["style"] = .string(style.rawValue) }
        return .object(object)
    }
}
