internal import Contracts

extension JobCards {
    /// The result: one message, or several where there are more files than an album holds. The first has the caption and
    /// the buttons, which need a text above them.
    func results(_ job: KnownJob, _ reported: Job, balance: Balance?, catalogue: Catalogue) -> [MessageContent] {
        let caption = caption(job, charged: reported.chargedKopecks, balance: balance, place: reported.group)
        guard !reported.assets.isEmpty else {
            return [MessageContent(text: caption, keyboard: keyboard(for: job, catalogue))]
        }
        let albums = stride(from: 0, to: reported.assets.count, by: 10).map { start in
            Array(reported.assets[start..<min(start + 10, reported.assets.count)])
        }
        return albums.enumerated().map { index, assets in
            MessageContent(
                text: index == 0 ? caption : "",
                media: assets.map(Self.item),
                keyboard: index == 0 ? keyboard(for: job, catalogue) : []
            )
        }
    }

    /// A finished job from the history.
    func shownAgain(_ job: KnownJob, catalogue: Catalogue) -> MessageContent {
        MessageContent(
            text: caption(job, charged: job.chargedKopecks, balance: nil, isNews: false),
            media: job.assets.prefix(10).map(Self.item),
            keyboard: keyboard(for: job, catalogue)
        )
    }

    private static func item(_ asset: Asset) -> MediaItem {
        let form: MediaItem.Form =
            switch asset.kind {
            case .image: asset.mimeType == "image/gif" ? .animation : .photo
            case .video: .video
            case .audio: asset.mimeType == "audio/ogg" ? .voice : .audio
            case .text: .document
            }
        return MediaItem(form: form, asset: asset)
    }

    /// Model, price, balance in one line; the prompt folded below.
    ///
    /// - Parameter isNews: Whether the result comes for the first time: only then has money just come back.
    private func caption(
        _ job: KnownJob,
        charged: Int64?,
        balance: Balance?,
        place: GroupPlace? = nil,
        isNews: Bool = true
    ) -> String {
        let charged = charged ?? job.priceKopecks
        var line = texts.html(
            .resultLine,
            ["model": .text(job.modelTitle), "price": .text(texts.price(charged))]
        )
        if let balance, !scene.isGroup {
            line += " · " + texts.html(.resultBalance, ["balance": .text(texts.money(balance.availableKopecks))])
        }
        if isNews, charged < job.priceKopecks {
            line += "\n" + texts.html(.moneyReturned, ["sum": .text(texts.money(job.priceKopecks - charged))])
        }
        if let place { line += "\n" + placeLine(place) }
        if let prompt = (job.draft.inputs["prompt"] ?? job.draft.inputs["text"])?.string, !prompt.isEmpty {
            line += "\n<blockquote expandable>\(Texts.escape(Texts.shortened(prompt, to: 300)))</blockquote>"
        }
        return line
    }

    /// `2 из 3`, `шаг 1 из 2`.
    private func placeLine(_ place: GroupPlace) -> String {
        func count(_ key: TextKey, _ n: Int, _ of: Int) -> String? {
            of > 1 ? texts.html(key, ["n": .text(String(n)), "of": .text(String(of))]) : nil
        }
        return [count(.groupCopy, place.copy, place.copies), count(.groupStep, place.stage, place.stages)]
            .compactMap { $0 }.joined(separator: " · ")
    }

    private func keyboard(for job: KnownJob, _ catalogue: Catalogue) -> [[Button]] {
        var keyboard = Keyboard(texts: texts, scene: scene, draftSerial: nil)
        let short = job.jobID.short
        keyboard.row(keyboard.button(.buttonAgain, .again(short)), keyboard.button(.buttonEdit, .edit(short)))
        if job.draft.full != nil, !job.assets.isEmpty {
            keyboard.row(keyboard.button(.buttonInFull, .inFull(short)))
        }
        if job.assets.count > 1 {
            for start in stride(from: 0, to: min(job.assets.count, 12), by: 4) {
                let row = (start..<min(start + 4, job.assets.count, 12)).map {
                    keyboard.button(String($0 + 1), .asset(job: short, asset: $0))
                }
                keyboard.grid(row)
            }
        } else if let asset = job.assets.first {
            keyboard.grid(
                Follow.steps(for: asset, madeBy: job.draft.modelNumber, in: catalogue).prefix(4).map {
                    keyboard.button(texts.title(of: $0), .follow($0, job: short, asset: 0))
                }
            )
            keyboard.chains(for: asset, at: 0, of: job, catalogue)
            if asset.kind == .image || asset.kind == .video {
                keyboard.row(keyboard.button(.buttonOriginal, .original(job: short, asset: 0)))
            }
        }
        keyboard.row(keyboard.button(.home, .home))
        return keyboard.limited
    }
}

/// Messages about money that come by themselves.
struct PaymentCards {
    let texts: Texts
    let scene: Scene

    /// - Parameter continues: A draft that had stopped for want of money goes on by itself.
    func receipt(_ order: KnownOrder, balance: Balance?, continues: Bool) -> MessageContent {
        var keyboard = Keyboard(texts: texts, scene: scene, draftSerial: nil)
        keyboard.row(keyboard.button(.buttonCreate, .tasks), keyboard.button(.buttonBalance, .balance))
        return MessageContent(
            text: [
                texts.html(.receipt, ["sum": .text(texts.money(order.amountKopecks))]),
                balance.map { texts.html(.homeBalance, ["balance": .text(texts.money($0.availableKopecks))]) },
                continues ? texts.html(.receiptContinues) : nil,
                texts.html(.paymentCode, ["code": .text(ShortCode.text(order.orderID.short))]),
            ].compactMap { $0 }.joined(separator: "\n"),
            keyboard: keyboard.limited
        )
    }
}
