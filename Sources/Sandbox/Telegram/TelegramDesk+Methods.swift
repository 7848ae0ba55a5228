internal import Contracts

/// The table of Bot API methods and the small ones among them.
extension TelegramDesk {
    /// Methods that may not be called in the answer to a webhook request.
    static func isForbiddenInWebhook(_ name: String) -> Bool {
        let lower = name.lowercased()
        return lower.hasPrefix("get") || ["setwebhook", "deletewebhook", "close", "logout"].contains(lower)
    }

    /// Executes a method.
    ///
    /// - Parameter name: Any case, as at Telegram's.
    func perform(_ name: String, _ parameters: Parameters) async throws(TelegramError) -> JSONValue {
        switch name.lowercased() {
        case "getme": return me()
        case "setwebhook": return try setWebhook(parameters)
        case "deletewebhook": return deleteWebhook(parameters)
        case "getwebhookinfo": return webhookInfo()
        case "getupdates": return try await getUpdates(parameters)
        case "setmycommands": return try setCommands(parameters)
        case "getmycommands": return commands(parameters)
        case "deletemycommands": return deleteCommands(parameters)
        case "setmydescription", "setmyshortdescription", "setmyname", "setchatmenubutton", "logout", "close":
            return true
        case "sendmessage": return try sendMessage(parameters)
        case "sendphoto": return try sendMedia(.photo, parameters)
        case "sendvideo": return try sendMedia(.video, parameters)
        case "sendanimation": return try sendMedia(.animation, parameters)
        case "sendaudio": return try sendMedia(.audio, parameters)
        case "sendvoice": return try sendMedia(.voice, parameters)
        case "senddocument": return try sendMedia(.document, parameters)
        case "sendmediagroup": return try sendAlbum(parameters)
        case "copymessage": return try copyMessage(parameters)
        case "editmessagetext": return try editText(parameters)
        case "editmessagecaption": return try editCaption(parameters)
        case "editmessagemedia": return try editMedia(parameters)
        case "editmessagereplymarkup": return try editMarkup(parameters)
        case "deletemessage": return try deleteMessage(parameters)
        case "deletemessages": return try deleteMessages(parameters)
        case "answercallbackquery": return try answerCallback(parameters)
        case "sendchataction": return try sendChatAction(parameters)
        case "setmessagereaction": return try setReaction(parameters)
        case "getfile": return try getFile(parameters)
        case "getchat": return try getChat(parameters)
        case "sendinvoice": return try sendInvoice(parameters)
        case "createinvoicelink": return try createInvoiceLink(parameters)
        case "answerprecheckoutquery": return try answerCheckout(parameters)
        case "refundstarpayment": return try refundStars(parameters)
        case "getstartransactions": return starTransactions(parameters)
        case "getmystarbalance": return starBalance()
        default: throw TelegramError(code: 404, description: "Not Found: method not found")
        }
    }

    private func me() -> JSONValue {
        read { state in
            state.bot.json.merging([
                "can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false,
                "can_connect_to_business": false, "has_main_web_app": false,
            ])
        }
    }

    // MARK: Commands

    private func scope(_ parameters: Parameters) -> String {
        // A scope that does not parse is as good as none here; Telegram's texts for it are not known.
        let scope = (try? parameters.structure("scope"))?.map { JSONText.write($0) } ?? "default"
        return scope + " " + (parameters.text("language_code") ?? "")
    }

    private func setCommands(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        guard let list = try structure("commands", parameters)?.array else {
            throw .bad("parameter \"commands\" is required")
        }
        guard list.count <= 100 else { throw .bad("BOT_COMMANDS_TOO_MUCH") }
        for command in list {
            let name = command["command"]?.string ?? ""
            let isName = name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }
            guard (1...32).contains(name.count), isName else { throw .bad("BOT_COMMAND_INVALID") }
            let length = command["description"]?.string?.unicodeScalars.count ?? 0
            guard (1...256).contains(length) else { throw .bad("BOT_COMMAND_DESCRIPTION_INVALID") }
        }
        let scope = scope(parameters)
        mutate { state in
            state.commands[scope] = .array(list)
            _ = state.nextRevision()
            state.touch(.commands)
        }
        return true
    }

    private func commands(_ parameters: Parameters) -> JSONValue {
        let scope = scope(parameters)
        return read { $0.commands[scope] ?? [] }
    }

    private func deleteCommands(_ parameters: Parameters) -> JSONValue {
        let scope = scope(parameters)
        mutate { state in
            state.commands[scope] = []
            _ = state.nextRevision()
            state.touch(.commands)
        }
        return true
    }

    // MARK: Small methods

    private func answerCallback(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let id = parameters.text("callback_query_id") ?? ""
        let text = parameters.text("text") ?? ""
        guard text.unicodeScalars.count <= 200 else { throw .bad("MESSAGE_TOO_LONG") }
        let now = tools.milliseconds
        try mutating { state throws(TelegramError) in
            guard let query = state.queries[id], query.at > now - TelegramState.queryLifetime else {
                throw .queryTooOld
            }
            state.queries[id]?.isAnswered = true
            let toast = TelegramState.Toast(
                number: state.nextRevision(),
                text: text,
                isAlert: parameters.flag("show_alert"),
                url: parameters.text("url")
            )
            state.toasts[query.user, default: []] = state.toasts[query.user, default: []].suffix(20) + [toast]
        }
        return true
    }

    private func sendChatAction(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let actions: Set<String> = [
            "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice",
            "upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note",
        ]
        let action = parameters.text("action") ?? ""
        guard actions.contains(action) else { throw .bad("wrong parameter action in request") }
        let chat = try chatID(parameters)
        let until = tools.milliseconds + 5_000
        try mutating { state throws(TelegramError) in
            _ = try state.writableChat(chat)
            state.chats[chat]?.action = action
            state.chats[chat]?.actionUntil = until
            _ = state.nextRevision()
        }
        return true
    }

    private func setReaction(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        let id = parameters.integer("message_id") ?? 0
        let known = read { $0.message(chat, id) != nil }
        guard known else { throw .bad("message to react not found") }
        return true
    }

    private func getChat(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        let json = read { state in state.chats[chat].map { _ in state.json(chat: chat) } }
        guard let json else { throw .chatNotFound }
        return json
    }

    private func getFile(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        guard let id = parameters.text("file_id"), !id.isEmpty else { throw .bad("file_id not specified") }
        let found = read { $0.files[id] }
        guard let file = found else { throw .bad("wrong file_id or the file is temporarily unavailable") }
        guard file.bytes <= 20 << 20 else { throw .bad("file is too big") }
        return [
            "file_id": .string(file.id), "file_unique_id": .string(file.uniqueID), "file_size": file.bytes.json,
            "file_path": .string(file.path),
        ]
    }

    // MARK: Shared

    /// `mutate` for bodies that throw Telegram's errors.
    @discardableResult
    func mutating<Value: Sendable>(
        _ body: (inout TelegramState) throws(TelegramError) -> Value
    ) throws(TelegramError) -> Value {
        let result: Result<Value, TelegramError> = mutate { state in
            do throws(TelegramError) {
                return .success(try body(&state))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// A parameter that is a structure.
    func structure(_ name: String, _ parameters: Parameters) throws(TelegramError) -> JSONValue? {
        do {
            return try parameters.structure(name)
        } catch {
            throw .bad("can't parse \(name) JSON object")
        }
    }

    /// The `chat_id` of a call; usernames of private chats do not work, as at Telegram's.
    func chatID(_ parameters: Parameters) throws(TelegramError) -> Int64 {
        guard let text = parameters.text("chat_id"), !text.isEmpty else { throw .bad("chat_id is empty") }
        guard let id = Int64(text) else { throw .chatNotFound }
        return id
    }

    /// Takes a call out of the rate buckets, unless the limits are switched off.
    func admit(_ state: inout TelegramState, chat: Int64, cost: Int = 1) throws(TelegramError) {
        guard tools.currentSettings.telegramLimits else { return }
        try state.rates.admit(chat: chat, cost: cost, at: Double(tools.milliseconds) / 1_000)
    }
}
