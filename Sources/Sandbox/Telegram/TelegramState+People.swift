internal import Contracts

/// What people do in the stand-in: writing, pressing, blocking, paying.
extension TelegramState {
    /// Why something cannot be done; the text is for the person who uses the control API.
    struct Refusal: Error, Equatable {
        let text: String
    }

    /// A person writes or sends a file.
    mutating func write(
        user: Int64,
        chat: Int64,
        body: FormattedText,
        media: String?,
        mediaGroup: String?,
        replyTo: Int64?,
        at seconds: Int64
    ) throws(Refusal) -> TelegramMessage {
        guard users[user] != nil, var place = chats[chat] else { throw Refusal(text: "unknown user or chat") }
        guard !place.isBlocked else { throw Refusal(text: "the bot is blocked in this chat") }
        if !place.hasStarted {
            place.hasStarted = true
            add(place)
        }
        var draft = TelegramMessage(id: 0, chat: chat, from: user, date: seconds)
        draft.body = body
        draft.media = media
        draft.mediaGroup = mediaGroup
        draft.replyTo = replyTo
        let message = append(draft)
        enqueue("message", json(message), lane: chat, date: seconds)
        return message
    }

    /// A person changes a message of theirs.
    mutating func rewrite(user: Int64, chat: Int64, message id: Int64, text: String, at milliseconds: Int64)
        throws(Refusal)
    {
        guard var message = message(chat, id), message.from == user else { throw Refusal(text: "unknown message") }
        message.body = UserText.format(text)
        edit(message, at: milliseconds)
        if let edited = self.message(chat, id) {
            enqueue("edited_message", json(edited), lane: chat, date: milliseconds / 1_000)
        }
    }

    /// A person presses a button with data. Any data is possible, as with free clients.
    ///
    /// - Returns: Id of the callback query.
    mutating func press(
        user: Int64,
        chat: Int64,
        message id: Int64,
        data: String,
        query: String,
        at milliseconds: Int64
    ) throws(Refusal) {
        guard let person = users[user], chats[chat] != nil else { throw Refusal(text: "unknown user or chat") }
        guard data.utf8.count <= 64 else { throw Refusal(text: "data is longer than 64 bytes") }
        if queries.count >= Self.maximumQueries {
            queries = queries.filter { $0.value.at > milliseconds - Self.queryLifetime }
        }
        queries[query] = Query(user: user, chat: chat, message: id, at: milliseconds)
        let known = message(chat, id)
        let shown: JSONValue =
            known.map { json($0) } ?? ["message_id": id.json, "chat": json(chat: chat), "date": 0]
        enqueue(
            "callback_query",
            [
                "id": .string(query), "from": person.json, "message": shown, "data": .string(data),
                "chat_instance": .string("-39\(chat.magnitude)0017"),
            ],
            lane: user,
            date: milliseconds / 1_000
        )
    }

    /// A person blocks or unblocks the bot.
    mutating func setBlocked(_ isBlocked: Bool, user: Int64, at seconds: Int64) throws(Refusal) {
        guard let person = users[user], var chat = chats[user] else { throw Refusal(text: "unknown user") }
        guard chat.isBlocked != isBlocked else { return }
        chat.isBlocked = isBlocked
        add(chat)
        _ = nextRevision()
        let bot = bot.json
        let member = { (status: String) -> JSONValue in
            .members(["status": .string(status), "user": bot, "until_date": status == "kicked" ? 0 : nil])
        }
        enqueue(
            "my_chat_member",
            [
                "chat": json(chat: user), "from": person.json, "date": seconds.json,
                "old_chat_member": member(isBlocked ? "member" : "kicked"),
                "new_chat_member": member(isBlocked ? "kicked" : "member"),
            ],
            lane: user,
            date: seconds
        )
    }

    /// Begins a payment in Stars: the bot is asked whether it agrees.
    mutating func beginCheckout(
        user: Int64,
        invoice: TelegramInvoice,
        query: String,
        at milliseconds: Int64
    ) throws(Refusal) {
        guard let person = users[user] else { throw Refusal(text: "unknown user") }
        guard invoice.paidBy == nil else { throw Refusal(text: "the invoice is paid") }
        checkouts[query] = Checkout(at: milliseconds)
        enqueue(
            "pre_checkout_query",
            [
                "id": .string(query), "from": person.json, "currency": .string(invoice.currency),
                "total_amount": invoice.amount.json, "invoice_payload": .string(invoice.payload),
            ],
            lane: user,
            date: milliseconds / 1_000
        )
    }

    /// Ends a payment that the bot agreed to.
    mutating func completePayment(
        user: Int64,
        invoice: TelegramInvoice,
        chat: Int64?,
        message id: Int64?,
        charge: String,
        at seconds: Int64
    ) -> TelegramMessage {
        if let chat, let id, var message = message(chat, id) {
            message.invoice?.paidBy = charge
            update(message)
        }
        counters.star += 1
        stars.append(
            StarTransaction(
                charge: charge,
                user: user,
                amount: invoice.amount,
                payload: invoice.payload,
                date: seconds,
                isRefund: false,
                number: counters.star
            )
        )
        touch(.star(counters.star))
        var draft = TelegramMessage(id: 0, chat: user, from: user, date: seconds)
        draft.payment = [
            "successful_payment": [
                "currency": .string(invoice.currency), "total_amount": invoice.amount.json,
                "invoice_payload": .string(invoice.payload), "telegram_payment_charge_id": .string(charge),
                "provider_payment_charge_id": .string("\(user)_\(counters.star)"),
            ]
        ]
        let receipt = append(draft)
        enqueue("message", json(receipt), lane: user, date: seconds)
        return receipt
    }
}

/// Finds in a person's text what Telegram's clients find.
enum UserText {
    /// Commands and links become entities.
    static func format(_ text: String) -> FormattedText {
        var entities: [JSONValue] = []
        var offset = 0
        for word in text.split(omittingEmptySubsequences: false, whereSeparator: \.isWhitespace) {
            let length = word.utf16.count
            if let kind = kind(of: word) {
                entities.append(["type": .string(kind), "offset": offset.json, "length": length.json])
            }
            // One separator follows each word; "\r\n" is a single character of two units.
            let end = word.endIndex
            offset += length + (end < text.endIndex ? String(text[end]).utf16.count : 0)
        }
        return FormattedText(text: text, entities: entities)
    }

    private static func kind(of word: Substring) -> String? {
        if word.hasPrefix("/"), word.count > 1 {
            let name = word.dropFirst().prefix { $0 != "@" }
            let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            return isName && !name.isEmpty ? "bot_command" : nil
        }
        if word.hasPrefix("http://") || word.hasPrefix("https://") { return "url" }
        if word.hasPrefix("#"), word.count > 1 { return "hashtag" }
        if word.hasPrefix("@"), word.count > 5 { return "mention" }
        return nil
    }
}
