internal import Contracts

extension Screens {
    /// What to make: tasks by outcome, not by vendor.
    func tasks() -> Card {
        var keyboard = keyboard()
        guard !catalogue.isEmpty else { return catalogueMissing() }
        let buttons = catalogue.tasks.prefix(16).map {
            keyboard.button(texts.title(of: $0), .models($0, .catalogue, page: 0))
        }
        for start in stride(from: 0, to: buttons.count, by: 2) {
            keyboard.row(buttons[start], start + 1 < buttons.count ? buttons[start + 1] : nil)
        }
        keyboard.footer(back: nil)
        return Card(text: texts.html(.tasks), keyboard: keyboard)
    }

    /// Generation has not told us its models yet.
    private func catalogueMissing() -> Card {
        var keyboard = keyboard()
        keyboard.row(keyboard.button(.buttonRefresh, .tasks))
        keyboard.footer(back: nil)
        return Card(text: texts.html(.catalogueMissing), keyboard: keyboard)
    }

    /// Three fitting actions for what came unprompted.
    func offer() -> Card {
        var keyboard = keyboard()
        let offer = session.offer ?? Offer()
        let found = Follow.suggestions(for: offer, in: catalogue)
        for (index, suggestion) in found.enumerated() {
            let title = texts.title(of: suggestion.task) + " · " + texts.priceFrom(suggestion.model)
            keyboard.row(keyboard.button(title, .offer(suggestion.task), index == 0 ? .primary : nil))
        }
        keyboard.row(
            keyboard.button(.buttonOther, .tasks),
            found.isEmpty ? nil : keyboard.button(.buttonLater, .keepOffer)
        )
        keyboard.footer(back: nil)
        let count = offer.media.count
        let what: String =
            switch (offer.media.first, offer.text) {
            case (let file?, _) where count > 1:
                texts.html(
                    .offerFiles,
                    ["files": .text(texts.plural(file.kind == .image ? .picture : .file, count))]
                )
            case (let file?, _): texts.html(TextKey(offered: file.kind))
            default: texts.html(.offerText)
            }
        let quote = offer.text.map { Texts.quoted($0) }
        return Card(
            text: lines(what, quote, texts.html(found.isEmpty ? .offerNothing : .offerChoose)),
            keyboard: keyboard
        )
    }

    func models(_ task: ModelTask, _ sort: ModelSort, _ pageIndex: Int) -> Card {
        let found = catalogue.models(for: task, sort: sort)
        guard !found.isEmpty else { return catalogueMissing() }
        let page = Page(found, index: pageIndex, size: 6)
        var keyboard = keyboard()
        let buttons = page.items.map { keyboard.button(texts.title(of: $0), .model($0.number)) }
        for start in stride(from: 0, to: buttons.count, by: 2) {
            keyboard.row(buttons[start], start + 1 < buttons.count ? buttons[start + 1] : nil)
        }
        keyboard.row(
            keyboard.button(mark(texts.plain(.sortPrice), sort == .price), .models(task, .price, page: 0)),
            keyboard.button(mark(texts.plain(.sortSpeed), sort == .speed), .models(task, .speed, page: 0))
        )
        keyboard.pages(page.index, of: page.count) { .models(task, sort, page: $0) }
        keyboard.footer(back: .tasks)
        let rows = page.items.map { model in
            texts.html(
                .modelRow,
                [
                    "title": .text(texts.title(of: model)), "price": .text(texts.priceFrom(model)),
                    "wait": .text(texts.duration(seconds: model.typicalSeconds)),
                ]
            )
        }
        return Card(
            text: lines("<b>\(Texts.escape(texts.title(of: task)))</b>", rows.joined(separator: "\n")),
            keyboard: keyboard
        )
    }

    func modelCard(_ number: Int) -> Card {
        guard let model = catalogue.model(number) else { return tasks() }
        var keyboard = keyboard()
        keyboard.row(keyboard.button(.buttonStart, .start(number), .primary))
        keyboard.footer(back: model.tasks.first.map { .models($0, .catalogue, page: 0) } ?? .tasks)
        let needed = model.inputs.filter(\.isRequired).map { need($0) }.joined(separator: ", ")
        return Card(
            text: lines(
                "<b>\(Texts.escape(texts.title(of: model)))</b>",
                Texts.escape(Texts.shortened(texts.text(model.summary), to: 600)),
                "",
                texts.html(
                    .modelPrice,
                    ["price": .text(texts.priceFrom(model)), "unit": .text(unit(model))]
                ),
                wait(model),
                needed.isEmpty ? nil : texts.html(.modelNeeds, ["inputs": .text(needed)]),
                "",
                texts.html(.modelRefund)
            ),
            keyboard: keyboard
        )
    }

    /// What runs were like, once there were enough of them.
    private func wait(_ model: Model) -> String {
        let usual = Texts.Argument.text(texts.duration(seconds: model.typicalSeconds))
        guard let measured = model.measured else { return texts.html(.modelWait, ["wait": usual]) }
        return texts.html(
            .modelMeasured,
            [
                "wait": usual, "most": .text(texts.duration(seconds: measured.p90Seconds)),
                "percent": .text(String(measured.successPercent)),
            ]
        )
    }

    private func need(_ input: ModelInput) -> String {
        guard input.kind == .files, let maximum = input.maximumItems, maximum > 1 else { return texts.name(of: input) }
        return texts.plain(.upTo, ["input": texts.name(of: input), "n": String(maximum)])
    }

    private func unit(_ model: Model) -> String {
        guard !model.isFree, model.fromKopecks > 0 else { return "" }
        return switch model.priceUnit {
        case "image": texts.plain(.unitImage)
        case "second": texts.plain(.unitSecond)
        case "1000_characters": texts.plain(.unitCharacters)
        default: ""
        }
    }
}

extension TextKey {
    init(offered kind: MediaKind) {
        switch kind {
        case .image: self = .offerImage
        case .video: self = .offerVideo
        case .audio: self = .offerAudio
        case .text: self = .offerDocument
        }
    }
}
