internal import Contracts

/// Payments in Stars.
extension TelegramDesk {
    func sendInvoice(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        let invoice = try invoice(parameters)
        let markup = try markup(parameters, isInvoice: true)
        let seconds = tools.seconds
        return try mutating { state throws(TelegramError) in
            var draft = try self.draft(&state, chat: chat, markup: markup, parameters, seconds)
            draft.invoice = invoice
            // Without a keyboard Telegram adds the pay button itself.
            draft.keyboard =
                draft.keyboard
                ?? ["inline_keyboard": [[["text": .string("Заплатить \(invoice.amount) ⭐"), "pay": true]]]]
            return state.json(state.append(draft))
        }
    }

    func createInvoiceLink(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        var invoice = try invoice(parameters)
        let slug = Tools.randomHex(22)
        invoice.slug = slug
        let stored = invoice
        mutate { state in
            state.invoices[slug] = stored
            state.touch(.invoice(slug))
        }
        return .string("https://t.me/$\(slug)")
    }

    private func invoice(_ parameters: Parameters) throws(TelegramError) -> TelegramInvoice {
        let invoice = TelegramInvoice(
            title: parameters.text("title") ?? "",
            description: parameters.text("description") ?? "",
            payload: parameters.text("payload") ?? "",
            currency: parameters.text("currency") ?? "",
            amount: 0,
            startParameter: parameters.text("start_parameter")
        )
        guard (1...32).contains(invoice.title.unicodeScalars.count) else { throw .bad("INVOICE_TITLE_INVALID") }
        guard (1...255).contains(invoice.description.unicodeScalars.count) else {
            throw .bad("INVOICE_DESCRIPTION_INVALID")
        }
        guard (1...128).contains(invoice.payload.utf8.count) else { throw .bad("INVOICE_PAYLOAD_INVALID") }
        guard invoice.currency == "XTR" else { throw .bad("CURRENCY_INVALID") }
        guard (parameters.text("provider_token") ?? "").isEmpty else { throw .bad("PAYMENT_PROVIDER_INVALID") }
        guard let prices = try structure("prices", parameters)?.array, prices.count == 1 else {
            throw .bad("STARS_INVOICE_INVALID")
        }
        guard let amount = prices[0]["amount"]?.integer, (1...100_000).contains(amount),
            prices[0]["label"]?.string?.isEmpty == false
        else { throw .bad("CURRENCY_TOTAL_AMOUNT_INVALID") }
        if let period = parameters.integer("subscription_period"), period != 2_592_000 || amount > 10_000 {
            throw .bad("SUBSCRIPTION_PERIOD_INVALID")
        }
        var priced = invoice
        priced.amount = amount
        return priced
    }

    func answerCheckout(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let id = parameters.text("pre_checkout_query_id") ?? ""
        let isAccepted = parameters.flag("ok")
        let message = parameters.text("error_message")
        guard isAccepted || message?.isEmpty == false else { throw .bad("error_message must be non-empty") }
        let now = tools.milliseconds
        try mutating { state throws(TelegramError) in
            guard let checkout = state.checkouts[id], checkout.verdict == nil,
                checkout.at > now - TelegramState.checkoutLifetime
            else { throw .queryTooOld }
            state.checkouts[id]?.verdict = (isAccepted, message)
        }
        return true
    }

    func refundStars(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        guard let charge = parameters.text("telegram_payment_charge_id"), !charge.isEmpty else {
            throw .bad("CHARGE_ID_EMPTY")
        }
        let user = parameters.integer("user_id") ?? 0
        let seconds = tools.seconds
        try mutating { state throws(TelegramError) in
            guard state.users[user] != nil else { throw .bad("USER_ID_INVALID") }
            guard let paid = state.stars.first(where: { $0.charge == charge && $0.user == user && !$0.isRefund }) else {
                throw .bad("CHARGE_NOT_FOUND")
            }
            guard !state.stars.contains(where: { $0.charge == charge && $0.isRefund }) else {
                throw .bad("CHARGE_ALREADY_REFUNDED")
            }
            state.counters.star += 1
            var refund = paid
            refund.isRefund = true
            refund.date = seconds
            refund.number = state.counters.star
            state.stars.append(refund)
            state.touch(.star(refund.number))
            var draft = TelegramMessage(id: 0, chat: user, from: user, date: seconds)
            draft.payment = [
                "refunded_payment": [
                    "currency": "XTR", "total_amount": paid.amount.json, "invoice_payload": .string(paid.payload),
                    "telegram_payment_charge_id": .string(charge),
                ]
            ]
            let notice = state.append(draft)
            state.enqueue("message", state.json(notice), lane: user, date: seconds)
        }
        return true
    }

    func starTransactions(_ parameters: Parameters) -> JSONValue {
        let offset = Int(max(0, parameters.integer("offset") ?? 0))
        let limit = Int(min(100, max(1, parameters.integer("limit") ?? 100)))
        return read { state in
            let rows = state.stars.dropFirst(offset).prefix(limit).map { star -> JSONValue in
                let partner: JSONValue = [
                    "type": "user", "transaction_type": "invoice_payment", "user": state.sender(star.user).json,
                    "invoice_payload": .string(star.payload),
                ]
                return .members([
                    "id": .string(star.charge), "amount": star.amount.json, "date": star.date.json,
                    "source": star.isRefund ? nil : partner, "receiver": star.isRefund ? partner : nil,
                ])
            }
            return ["transactions": .array(rows)]
        }
    }

    func starBalance() -> JSONValue {
        read { state in
            ["amount": state.stars.reduce(Int64(0)) { $0 + ($1.isRefund ? -$1.amount : $1.amount) }.json]
        }
    }

    /// Pays an invoice in a person's name: asks the bot, waits for its word, and tells it of the payment.
    ///
    /// - Returns: nil if it was paid, else the text that the person sees.
    func pay(_ invoice: TelegramInvoice, user: Int64, chat: Int64?, message: Int64?) async -> String? {
        let query = String(Int64.random(in: 1_000_000_000_000_000_000...9_000_000_000_000_000_000))
        let begun = tools.milliseconds
        do {
            try mutate { try $0.beginCheckout(user: user, invoice: invoice, query: query, at: begun) }
        } catch {
            return (error as? TelegramState.Refusal)?.text ?? "нельзя оплатить"
        }
        var seen = tools.feed.number
        while tools.milliseconds < begun + TelegramState.checkoutLifetime, !tools.feed.isStopped {
            if let verdict = read({ $0.checkouts[query]?.verdict }) {
                guard verdict.isAccepted else { return verdict.message ?? "Бот отклонил платёж" }
                let charge = "stx" + Tools.randomHex(48)
                let seconds = tools.seconds
                mutate {
                    _ = $0.completePayment(
                        user: user,
                        invoice: invoice,
                        chat: chat,
                        message: message,
                        charge: charge,
                        at: seconds
                    )
                }
                return nil
            }
            seen = await tools.feed.wait(after: seen, atMost: .milliseconds(500))
        }
        return "Бот не ответил за 10 секунд, платёж отменён"
    }
}
