internal import Contracts

extension Screens {
    /// The hold was refused: how much is missing, and the smallest sums that help.
    func notEnough(_ shortage: Int64, _ available: Int64) -> Card {
        var keyboard = keyboard()
        if turn.scene.isGroup {
            if !turn.botUsername.isEmpty {
                keyboard.row(
                    Button(text: texts.plain(.buttonTopUp), url: "https://t.me/\(turn.botUsername)?start=topup")
                )
            }
            return Card(text: texts.html(.shortageGroup), keyboard: keyboard)
        }
        if let options = knowledge.paymentOptions {
            let smallest = min(max((shortage + 99) / 100 * 100, options.minimumKopecks), options.maximumKopecks)
            let sums = ([smallest] + options.amountsKopecks.filter { $0 > smallest }).prefix(5)
            keyboard.grid(sums.map { sumButton($0, options, keyboard) })
        } else {
            keyboard.row(keyboard.button(.buttonTopUp, .topUp, .primary))
        }
        keyboard.row(keyboard.button(.buttonOtherModel, .otherModels), keyboard.button(.buttonChange, .composer))
        keyboard.footer(back: .composer)
        return Card(
            text: lines(
                texts.html(
                    .shortage,
                    ["shortage": .text(texts.money(shortage)), "available": .text(texts.money(available))]
                ),
                texts.html(.shortageSafe)
            ),
            keyboard: keyboard
        )
    }

    /// A sum; straight to the bill where there is only one way to pay.
    private func sumButton(_ kopecks: Int64, _ options: GetPaymentOptions.Output, _ keyboard: Keyboard) -> Button {
        let action: ButtonAction =
            options.rails.count == 1 ? .pay(kopecks: kopecks, options.rails[0]) : .amount(kopecks: kopecks)
        return keyboard.button(texts.money(kopecks), action)
    }

    func topUp() -> Card {
        var keyboard = keyboard()
        guard let options = knowledge.paymentOptions, !options.rails.isEmpty else {
            keyboard.row(keyboard.button(.buttonRefresh, .topUp))
            keyboard.footer(back: .balance)
            return Card(text: texts.html(.topUpUnavailable), keyboard: keyboard)
        }
        keyboard.grid(options.amountsKopecks.prefix(8).map { sumButton($0, options, keyboard) })
        keyboard.footer(back: .balance)
        return Card(
            text: lines(texts.html(.topUp), "", worth(of: options.amountsKopecks)),
            keyboard: keyboard
        )
    }

    /// What sums buy, from the live catalogue: the cheapest paid picture.
    private func worth(of sums: [Int64]) -> String? {
        let prices = catalogue.models(for: .textToImage).filter { !$0.isFree && $0.fromKopecks > 0 }.map(\.fromKopecks)
        guard let cheapest = prices.min() else { return nil }
        let rows = sums.prefix(4).filter { $0 >= cheapest }.map { sum in
            texts.html(
                .worth,
                [
                    "sum": .text(texts.money(sum)),
                    "pictures": .text(texts.plural(.pictureWanted, Int(clamping: sum / cheapest))),
                ]
            )
        }
        return rows.isEmpty ? nil : rows.joined(separator: "\n")
    }

    func rails(_ kopecks: Int64) -> Card {
        var keyboard = keyboard()
        for rail in knowledge.paymentOptions?.rails ?? [] {
            keyboard.row(
                keyboard.button(rail == .stars ? .railStars : .railCard, .pay(kopecks: kopecks, rail))
            )
        }
        keyboard.footer(back: .topUp)
        let isKnown = knowledge.paymentOptions?.rails.isEmpty == false
        return Card(
            text: isKnown
                ? texts.html(.rails, ["sum": .text(texts.money(kopecks))]) : texts.html(.topUpUnavailable),
            keyboard: keyboard
        )
    }

    func payment() -> Card {
        guard let order = turn.order else { return topUp() }
        var keyboard = keyboard()
        let short = order.orderID.short
        let sum = Texts.Argument.text(texts.money(order.amountKopecks))
        let key: TextKey
        switch order.state {
        case .creating:
            key = .paymentCreating
            keyboard.row(keyboard.button(.buttonCheck, .checkOrder(short)))
        case .pending:
            key = .paymentPending
            if let url = order.payURL {
                keyboard.row(
                    Button(
                        text: texts.plain(.buttonPay, ["sum": texts.money(order.amountKopecks)]),
                        url: url,
                        style: .primary
                    )
                )
            }
            let hasOtherWay = (knowledge.paymentOptions?.rails ?? []).contains { $0 != order.rail }
            keyboard.row(
                keyboard.button(.buttonCheck, .checkOrder(short)),
                hasOtherWay ? keyboard.button(.buttonOtherWay, .leaveOrder(short)) : nil
            )
        case .paid: key = .paymentPaid
        case .credited: key = .paymentCredited
        case .canceled:
            key = .paymentCanceled
            keyboard.row(keyboard.button(.buttonTryAgain, .topUp, .primary))
        }
        keyboard.footer(back: .topUp)
        let until = order.expiresAt.map { texts.html(.paymentUntil, ["time": .text(texts.date($0))]) }
        return Card(
            text: lines(
                texts.html(key, ["sum": sum]),
                order.state == .pending ? until : nil,
                texts.html(.paymentCode, ["code": .text(ShortCode.text(short))])
            ),
            keyboard: keyboard
        )
    }

    func balance() -> Card {
        var keyboard = keyboard()
        keyboard.row(keyboard.button(.buttonTopUp, .topUp, .primary))
        keyboard.row(keyboard.button(.buttonJobs, .jobs), keyboard.button(.buttonRefresh, .balance))
        keyboard.footer(back: nil)
        guard let balance = knowledge.balance else {
            return Card(text: texts.html(.balanceUnavailable), keyboard: keyboard)
        }
        let held =
            balance.heldKopecks > 0
            ? texts.html(.balanceHeld, ["held": .text(texts.money(balance.heldKopecks))]) : nil
        let bonus =
            balance.bonusKopecks > 0
            ? texts.html(.balanceBonus, ["bonus": .text(texts.money(balance.bonusKopecks))]) : nil
        let entries = (knowledge.entries ?? []).prefix(5).map(movement).joined(separator: "\n")
        return Card(
            text: lines(
                texts.html(.balanceTitle, ["balance": .text(texts.money(balance.availableKopecks))]),
                held,
                bonus,
                balance.isFrozen ? texts.html(.noticeAccountFrozen) : nil,
                entries.isEmpty ? nil : "\n" + texts.html(.balanceEntries),
                entries.isEmpty ? nil : entries
            ),
            keyboard: keyboard
        )
    }

    private func movement(_ entry: StatementEntry) -> String {
        let sign = entry.amountKopecks > 0 ? "+" : ""
        let kind: TextKey =
            switch entry.kind {
            case .topUp: .entryTopUp
            case .grant: .entryGrant
            case .charge: .entryCharge
            case .refund: .entryRefund
            case .adjust: .entryAdjust
            case .gift: .entryGift
            }
        let subject =
            entry.kind == .charge ? catalogue.models.first { $0.slug == entry.memo }.map { texts.title(of: $0) } : nil
        return texts.html(
            .entryRow,
            [
                "date": .text(texts.date(entry.at)), "sum": .text(sign + texts.money(entry.amountKopecks)),
                "what": .text(subject ?? texts.plain(kind)),
            ]
        )
    }
}
