internal import Contracts

extension Screens {
    func welcome() -> Card {
        if turn.scene.isGroup { return groupHome() }
        var keyboard = keyboard()
        let sample = catalogue.suggestion(for: .textToImage, media: [], text: texts.plain(.samplePrompt))
        if let sample {
            let isFree = sample.isFree || sample.fromKopecks == 0
            keyboard.row(keyboard.button(isFree ? .buttonSampleFree : .buttonSample, .sample, .primary))
        }
        keyboard.grid(
            [ModelTask.textToImage, .textToVideo, .music, .imageToImage].filter(catalogue.tasks.contains).map {
                keyboard.button(texts.title(of: $0), .models($0, .catalogue, page: 0))
            }
        )
        keyboard.row(keyboard.button(.buttonAllTools, .tasks), keyboard.button(.buttonLanguage, .language))
        let hasFree = catalogue.models.contains(where: \.isFree)
        return Card(
            text: lines(
                texts.html(.welcome),
                hasFree ? texts.html(.welcomeFree) : nil,
                "",
                texts.html(.welcomeTerms)
            ),
            keyboard: keyboard
        )
    }

    func home() -> Card {
        if turn.scene.isGroup { return groupHome() }
        var keyboard = keyboard()
        if session.draft?.holdsWork == true {
            keyboard.row(keyboard.button(.buttonContinueDraft, .continueDraft, .primary))
        }
        keyboard.row(keyboard.button(.buttonCreate, .tasks, session.draft?.holdsWork == true ? nil : .primary))
        keyboard.grid(
            session.parked.enumerated().map { index, draft in
                keyboard.button(parkedTitle(draft), .parkedDraft(index))
            }
        )
        keyboard.row(
            keyboard.button(.buttonJobs, .jobs),
            keyboard.button(.buttonHistory, .history(page: 0))
        )
        keyboard.row(keyboard.button(.buttonBalance, .balance), keyboard.button(.buttonTopUp, .topUp))
        keyboard.row(keyboard.button(.buttonSettings, .settings), keyboard.button(.buttonHelp, .help))
        return Card(
            text: lines(
                texts.html(.homeTitle),
                balanceLine,
                runningLine,
                draftLine,
                "",
                texts.html(.homeHint)
            ),
            keyboard: keyboard
        )
    }

    private func parkedTitle(_ draft: Draft) -> String {
        let model = catalogue.model(draft.modelNumber)
        let subject = model.flatMap { draft.prompt(of: $0) } ?? model.map { texts.title(of: $0) } ?? ""
        return texts.plain(.buttonParked, ["subject": Texts.shortened(subject, to: 24)])
    }

    private var runningLine: String? {
        guard !session.running.isEmpty else { return nil }
        return texts.html(.homeRunning, ["jobs": .text(texts.plural(.job, session.running.count))])
    }

    private var draftLine: String? {
        guard let draft = session.draft, draft.holdsWork, let model = turn.draftModel else { return nil }
        let prompt = draft.prompt(of: model) ?? texts.title(of: model)
        return texts.html(.homeDraft, ["prompt": .text(Texts.shortened(prompt, to: 80))])
    }

    private func groupHome() -> Card {
        var keyboard = keyboard()
        if !turn.botUsername.isEmpty {
            keyboard.row(
                Button(text: texts.plain(.buttonPrivate), url: "https://t.me/\(turn.botUsername)?start=group")
            )
        }
        return Card(text: texts.html(.groupHome), keyboard: keyboard)
    }

    func help() -> Card {
        var keyboard = keyboard()
        keyboard.row(keyboard.button(.buttonCreate, .tasks, .primary))
        keyboard.row(keyboard.button(.buttonSupport, .support), keyboard.button(.buttonTerms, .terms))
        keyboard.footer(back: nil)
        return Card(text: texts.html(.help), keyboard: keyboard)
    }

    func terms() -> Card {
        var keyboard = keyboard()
        keyboard.footer(back: .help)
        return Card(text: texts.html(.terms), keyboard: keyboard)
    }

    /// What to expect from support, and the codes that let it find everything at once.
    func support() -> Card {
        var keyboard = keyboard()
        keyboard.footer(back: .help)
        let contact = turn.supportContact
        let last = turn.job.map { texts.html(.supportJob, ["code": .text(ShortCode.text($0.jobID.short))]) }
        let reach =
            contact.isEmpty ? texts.html(.supportHere) : texts.html(.supportContact, ["contact": .text(contact)])
        return Card(
            text: lines(
                texts.html(.support),
                reach,
                "",
                texts.html(.supportCode, ["code": .text(ShortCode.text(UInt64(clamping: turn.scene.userID)))]),
                last
            ),
            keyboard: keyboard
        )
    }

    func settings() -> Card {
        var keyboard = keyboard()
        keyboard.grid(
            Language.allCases.map { language in
                let name = texts.plain(language == .russian ? .languageRussian : .languageEnglish)
                return keyboard.button(mark(name, turn.settings.language == language), .setLanguage(language))
            }
        )
        keyboard.grid(
            UserSettings.confirmChoices.enumerated().map { index, limit in
                keyboard.button(
                    mark(confirmTitle(limit), turn.settings.confirmAboveKopecks == limit),
                    .setConfirmLimit(index)
                )
            }
        )
        keyboard.footer(back: nil)
        return Card(
            text: lines(texts.html(.settings), asksBefore(turn.settings.confirmAboveKopecks)),
            keyboard: keyboard
        )
    }

    /// Before which runs we ask, as a sentence. Free ones never cost enough to be asked about.
    private func asksBefore(_ limit: Int64?) -> String {
        guard let limit else { return texts.html(.settingsAsksNever) }
        guard limit > 0 else { return texts.html(.settingsAsksAlways) }
        return texts.html(.settingsAsksAbove, ["limit": .text(texts.money(limit))])
    }

    private func confirmTitle(_ limit: Int64?) -> String {
        guard let limit else { return texts.plain(.confirmNever) }
        return limit == 0 ? texts.plain(.confirmAlways) : texts.money(limit)
    }

    func mark(_ text: String, _ isChosen: Bool) -> String { isChosen ? "✓ " + text : text }

    func language() -> Card {
        var keyboard = keyboard()
        keyboard.grid([
            keyboard.button(.languageRussian, .setLanguage(.russian)),
            keyboard.button(.languageEnglish, .setLanguage(.english)),
        ])
        keyboard.footer(back: nil)
        return Card(text: texts.html(.language), keyboard: keyboard)
    }
}
