internal import Contracts

/// Status cards, results and failures of jobs, in the language that the job was started in.
struct JobCards {
    let texts: Texts
    let scene: Scene

    private func keyboard() -> Keyboard { Keyboard(texts: texts, scene: scene, draftSerial: nil) }

    /// A job under way.
    ///
    /// - Parameter reported: Nil where only our own row is at hand.
    func status(of job: KnownJob, _ reported: Job? = nil) -> MessageContent {
        var keyboard = keyboard()
        let short = job.jobID.short
        let rank = job.progress.rank
        // What is reserved stays in sight: a quick provider may outrun the card that says so first.
        let accepted =
            job.priceKopecks == 0
            ? texts.html(.cardAcceptedFree)
            : texts.html(.cardAccepted, ["price": .text(texts.money(job.priceKopecks))])
        var state: String?
        if rank < 20 {
            keyboard.row(keyboard.button(.buttonCancel, .cancelJob(short)))
        } else if rank % 2 == 1 {
            let attempts = reported?.attemptsMaximum ?? 3
            let next = min((rank - 21) / 2 + 1, attempts)
            state = texts.html(.cardRetrying, ["n": .text(String(next)), "of": .text(String(attempts))])
        } else {
            state = texts.html(.cardRunning)
        }
        keyboard.row(keyboard.button(.buttonOneMore, .again(short)), keyboard.button(.buttonJobs, .jobs))
        let wait = reported.map { texts.html(.cardWait, ["wait": .text(texts.duration(seconds: $0.typicalSeconds))]) }
        return MessageContent(
            text: [title(job), accepted, state, wait].compactMap { $0 }.joined(separator: "\n"),
            keyboard: keyboard.limited
        )
    }

    private func title(_ job: KnownJob) -> String {
        texts.html(
            .cardTitle,
            ["model": .text(job.modelTitle), "code": .text(ShortCode.text(job.jobID.short))]
        )
    }

    /// What is left of a status card when the result speaks for itself. A result can be had once more, because the
    /// message that brought it may have been deleted, or never have got through.
    func ended(_ job: KnownJob, _ key: TextKey) -> MessageContent {
        var keyboard = keyboard()
        if !job.assets.isEmpty { keyboard.row(keyboard.button(.buttonShow, .showJob(job.jobID.short))) }
        return MessageContent(text: texts.html(key, ["model": .text(job.modelTitle)]), keyboard: keyboard.limited)
    }

    func cancelled(_ job: KnownJob) -> MessageContent {
        var keyboard = keyboard()
        keyboard.row(keyboard.button(.buttonAgain, .again(job.jobID.short)), keyboard.button(.buttonCreate, .tasks))
        return MessageContent(
            text: title(job) + "\n" + texts.html(.cardCancelled) + returned(job.priceKopecks),
            keyboard: keyboard.limited
        )
    }

    func tooLateToCancel(_ job: KnownJob) -> MessageContent {
        var content = status(of: job)
        content.text += "\n" + texts.html(.cardTooLate)
        content.keyboard = content.keyboard.filter { row in
            !row.contains { CallbackData($0.callbackData ?? "")?.action == .cancelJob(job.jobID.short) }
        }
        return content
    }

    /// ` Деньги вернулись на баланс: 14 ₽.`; nothing where nothing had been reserved.
    private func returned(_ kopecks: Int64) -> String {
        kopecks == 0 ? "" : " " + texts.html(.moneyReturned, ["sum": .text(texts.money(kopecks))])
    }

    /// The end without a result: why, what became of the money, what to press.
    func failure(_ job: KnownJob, _ reported: Job, _ catalogue: Catalogue) -> MessageContent {
        var keyboard = keyboard()
        let short = job.jobID.short
        switch reported.failure {
        case .refused, .invalidInput, .inputUnavailable:
            keyboard.row(keyboard.button(.buttonEditPrompt, .edit(short), .primary))
        case .provider, .timeout, .previousStage, .unknown, nil:
            keyboard.row(keyboard.button(.buttonSameAgain, .again(short), .primary))
        }
        let others = (reported.alternatives ?? []).compactMap { offer in
            texts.offered(offer, catalogue).map {
                keyboard.button($0, .insteadOf(job: short, model: offer.modelNumber))
            }
        }
        keyboard.grid(others)
        keyboard.row(keyboard.button(.buttonSupport, .support), keyboard.button(.home, .home))
        let back = job.priceKopecks - (reported.chargedKopecks ?? 0)
        return MessageContent(
            text: [
                texts.html(.failureTitle, ["model": .text(job.modelTitle)]),
                texts.html(TextKey(failure: reported.failure)),
                back > 0 ? texts.html(.moneyReturned, ["sum": .text(texts.money(back))]) : nil,
                texts.html(.failureCode, ["code": .text(ShortCode.text(short))]),
                others.isEmpty ? nil : texts.html(.alternatives),
            ].compactMap { $0 }.joined(separator: "\n"),
            keyboard: keyboard.limited
        )
    }
}
