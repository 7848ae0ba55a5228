internal import Contracts
internal import Time

/// The panel as a pure function of the turn and what was read.
struct Screens {
    let turn: Turn
    let knowledge: Knowledge

    var texts: Texts { turn.texts }
    var session: Session { turn.session }
    var catalogue: Catalogue { turn.catalogue }

    /// What one screen says and offers.
    struct Card {
        var text: String
        var keyboard: Keyboard
    }

    /// - Returns: The screen that is really shown (one whose subject is gone becomes home) and its content.
    func panel() -> (screen: Screen, content: MessageContent) {
        let screen = settled(session.screen)
        var card = self.card(for: screen)
        if !turn.notices.isEmpty {
            card.text = turn.notices.prefix(3).joined(separator: "\n") + "\n\n" + card.text
        }
        return (screen, MessageContent(text: card.text, keyboard: card.keyboard.limited))
    }

    /// Screens about money and history are for the user alone; in a group they point to the private chat.
    private func settled(_ screen: Screen) -> Screen {
        switch screen {
        case _ where screen.isAboutDraft:
            if turn.isModelGone { return .unavailable }
            guard turn.draftModel != nil else { return .home }
            if case .stageWish(let place) = screen, turn.wishInput(of: place) == nil { return .composer }
            if screen == .unavailable || screen == .promptHelp && session.suggestion == nil { return .composer }
        case .discard: guard session.draft != nil, !catalogue.isEmpty else { return .home }
        case .model(let number): guard catalogue.model(number) != nil else { return .tasks }
        case .offer: guard session.offer != nil else { return .home }
        case .result(let job, let asset):
            guard let known = turn.job, known.jobID == job, known.assets.indices.contains(asset) else { return .home }
        case .payment(let order): guard turn.order?.orderID == order else { return .topUp }
        case .balance, .topUp, .rails, .jobs, .history: if turn.scene.isGroup { return .home }
        default: break
        }
        return screen
    }

    private func card(for screen: Screen) -> Card {
        switch screen {
        case .welcome: welcome()
        case .home: home()
        case .tasks: tasks()
        case .offer: offer()
        case .models(let task, let sort, let page): models(task, sort, page)
        case .model(let number): modelCard(number)
        case .composer: composer()
        case .unavailable: unavailable()
        case .option(let input, let page): option(input, page)
        case .confirm: confirm()
        case .stageWish(let place): stageWish(place)
        case .templates: templates()
        case .template: template()
        case .discard: discard()
        case .promptHelp: promptHelp()
        case .starting(let job): starting(job)
        case .shortage(let shortage, let available): notEnough(shortage, available)
        case .topUp: topUp()
        case .rails(let amount): rails(amount)
        case .payment: payment()
        case .balance: balance()
        case .jobs: jobs()
        case .history(let page): history(page)
        case .result(_, let asset): result(asset)
        case .settings: settings()
        case .language: language()
        case .help: help()
        case .terms: terms()
        case .support: support()
        }
    }

    func keyboard() -> Keyboard { Keyboard(texts: texts, scene: turn.scene, draftSerial: session.draftSerial) }

    /// Lines that are there, one below the other.
    func lines(_ lines: String?...) -> String { lines.compactMap { $0 }.joined(separator: "\n") }

    /// The sum of the account as one line; nothing in groups and when billing did not answer.
    var balanceLine: String? {
        guard !turn.scene.isGroup, let balance = knowledge.balance else { return nil }
        return texts.html(.homeBalance, ["balance": .text(texts.money(balance.availableKopecks))])
    }
}
