internal import Contracts

/// The status card of a group, and what is said when not all of it came out.
struct GroupCards {
    let texts: Texts
    let scene: Scene
    let catalogue: Catalogue

    private func keyboard() -> Keyboard { Keyboard(texts: texts, scene: scene, draftSerial: nil) }

    func status(of job: KnownJob, _ group: JobGroup) -> MessageContent {
        var keyboard = keyboard()
        let short = job.jobID.short
        let isOver = group.isOver
        if group.parts.contains(where: { $0.state == .accepted }) {
            keyboard.row(keyboard.button(.buttonCancelRest, .cancelJob(short)))
        }
        keyboard.row(
            keyboard.button(.buttonOneMore, .again(short)),
            isOver ? keyboard.button(.buttonCreate, .tasks) : keyboard.button(.buttonJobs, .jobs)
        )
        var lines = [title(job, group), isOver ? outcome(group) : reserved(group)]
        lines += rows(job, group) + wishes(job)
        if !isOver {
            let wait = texts.duration(seconds: group.typicalSeconds)
            lines.append(texts.html(.cardWait, ["wait": .text(wait)]))
        }
        return MessageContent(text: lines.joined(separator: "\n"), keyboard: keyboard.limited)
    }

    /// The card from the list of jobs. The results have come by themselves, long ago perhaps: it leads to them.
    func shownAgain(_ job: KnownJob, _ group: JobGroup) -> MessageContent {
        var content = status(of: job, group)
        var keyboard = keyboard()
        let results = group.parts.filter { $0.state == .succeeded && (group.copies == 1 || $0.stage == group.stages) }
        keyboard.grid(
            results.map { part in
                let number = group.copies == 1 ? part.stage : part.copy
                return keyboard.button("\(texts.plain(.buttonShow)) \(number)", .showJob(part.jobID.short))
            }
        )
        content.keyboard = keyboard.limited + content.keyboard
        return content
    }

    private func title(_ job: KnownJob, _ group: JobGroup) -> String {
        let model = job.modelTitle + (group.copies > 1 ? " ×\(group.copies)" : "")
        return texts.html(
            .cardTitle,
            ["model": .text(model), "code": .text(ShortCode.text(job.jobID.short))]
        )
    }

    private func reserved(_ group: JobGroup) -> String {
        group.priceKopecks == 0
            ? texts.html(.cardAcceptedFree)
            : texts.html(.cardAccepted, ["price": .text(texts.money(group.priceKopecks))])
    }

    /// A line for each copy, or for each step of a single chain.
    private func rows(_ job: KnownJob, _ group: JobGroup) -> [String] {
        if group.copies == 1 {
            // The row knows the models by number; one that was restored from a report may not.
            let numbers = [job.draft.modelNumber] + job.draft.stages.map(\.modelNumber)
            return group.parts.map { part in
                let place = part.stage - 1
                let number = numbers.count == group.stages && numbers.indices.contains(place) ? numbers[place] : nil
                return row(String(part.stage), catalogue.title(of: number, or: part.modelTitle, texts), part)
            }
        }
        return (1...group.copies).compactMap { copy in
            let steps = group.parts.filter { $0.copy == copy }
            // The step that is under way, or the last one that was.
            guard let current = steps.first(where: { $0.state != .succeeded }) ?? steps.last else { return nil }
            let step = texts.html(
                .groupStep,
                ["n": .text(String(current.stage)), "of": .text(String(group.stages))]
            )
            return group.stages == 1 ? row(String(copy), nil, current) : row(String(copy), step, current)
        }
    }

    /// The words of later stages that have some of their own.
    private func wishes(_ job: KnownJob) -> [String] {
        (job.draft.wishes ?? [:]).sorted { $0.key < $1.key }.map { place, wish in
            texts.html(
                .groupWish,
                ["n": .text(String(place + 2)), "wish": .text(Texts.shortened(wish.text, to: 100))]
            )
        }
    }

    private func row(_ number: String, _ what: String?, _ part: GroupPart) -> String {
        let state = texts.plain(TextKey(state: part.state))
        return texts.html(
            what == nil ? .groupRow : .groupNamedRow,
            ["n": .text(number), "what": .text(what ?? ""), "state": .text(state)]
        )
    }

    /// `Готово 2 из 3. Списано 28 ₽.` and what came back on the next line.
    func outcome(_ group: JobGroup) -> String {
        var line = texts.html(
            .groupDone,
            ["done": .text(String(group.doneOfTotal)), "all": .text(String(group.total))]
        )
        if group.priceKopecks > 0 {
            line += " " + texts.html(.groupCharged, ["price": .text(texts.money(group.chargedKopecks))])
        }
        if group.returnedKopecks > 0 {
            line += "\n" + texts.html(.groupReturned, ["sum": .text(texts.money(group.returnedKopecks))])
        }
        return line
    }

    /// Not everything came out: how much did, what became of the money, why.
    func summary(_ job: KnownJob, _ group: JobGroup) -> MessageContent {
        var keyboard = keyboard()
        let short = job.jobID.short
        keyboard.row(keyboard.button(.buttonSameAgain, .again(short), .primary))
        keyboard.row(keyboard.button(.buttonSupport, .support), keyboard.button(.home, .home))
        return MessageContent(
            text: [
                texts.html(.groupTitle, ["model": .text(job.modelTitle)]), outcome(group),
                texts.html(TextKey(failure: group.failure)),
                texts.html(.failureCode, ["code": .text(ShortCode.text(short))]),
            ].joined(separator: "\n"),
            keyboard: keyboard.limited
        )
    }

    /// Nothing could be cancelled any more.
    func tooLateToCancel(_ job: KnownJob, _ group: JobGroup) -> MessageContent {
        var content = status(of: job, group)
        content.text += "\n" + texts.html(.cardTooLate)
        return content
    }
}

extension TextKey {
    init(failure: JobFailure?) {
        switch failure {
        case .refused: self = .failureRefused
        case .invalidInput: self = .failureInvalidInput
        case .provider: self = .failureProvider
        case .timeout: self = .failureTimeout
        case .inputUnavailable: self = .failureInputUnavailable
        case .previousStage: self = .failurePreviousStage
        case .unknown, nil: self = .failureUnknown
        }
    }
}
