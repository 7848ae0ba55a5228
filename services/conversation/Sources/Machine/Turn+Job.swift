internal import Contracts

extension Turn {
    /// Buttons under status cards, results and in the list of jobs.
    mutating func performOnJob(_ action: ButtonAction) {
        // The job at hand may be the one that the panel shows, not the one that the button names.
        guard let job, job.userID == scene.userID, job.jobID.short == action.job else {
            return missing(.toastJobUnknown)
        }
        switch action {
        case .cancelJob: cancel(job)
        case .showJob: show(job)
        case .again:
            session.open(job.repeatable)
            go(to: .composer)
        case .edit:
            session.open(job.repeatable)
            if draftModel?.mainText != nil { notices.append(texts.html(.noticeEditPrompt)) }
            go(to: .composer)
        case .follow(let task, _, let asset): follow(task, job, asset)
        case .inFull:
            guard job.draft.full != nil else { return missing(.toastOutdated) }
            session.open(job.draft.inFull(after: job.jobID))
            go(to: .confirm)
        case .chain(let chain, _, let asset): follow(chain: chain, job, asset)
        case .insteadOf(_, let number): redo(job, with: number)
        case .asset(_, let index):
            guard job.assets.indices.contains(index) else { return missing(.toastOutdated) }
            go(to: .result(job: job.jobID, asset: index))
        case .original(_, let index): sendOriginal(of: job, index)
        default: intent = .show
        }
    }

    private mutating func cancel(_ job: KnownJob) {
        guard !job.progress.isFinal else { return missing(.toastJobEnded) }
        toast = Toast(text: texts.plain(.toastCancelling))
        commands.append(job.isGroup ? .cancelGroup(GroupID(job.jobID.uuid)) : .cancelJob(job.jobID))
        intent = .nothing
    }

    /// A running job comes back as its status card, a finished one as its result. A group has none of its own: its card
    /// says what came of it, and leads to the results.
    private mutating func show(_ known: KnownJob) {
        guard known.progress.isFinal, known.group == nil else {
            var job = known
            job.cardRevision = nextRevision(after: job.cardRevision)
            let content =
                job.group.map { GroupCards(texts: texts, scene: scene, catalogue: catalogue).shownAgain(job, $0) }
                ?? JobCards(texts: texts, scene: scene).status(of: job)
            commands.append(putCard(for: job, content, repost: true))
            note(job)
            intent = .nothing
            return
        }
        guard !known.assets.isEmpty else {
            session.open(known.repeatable)
            return go(to: .composer)
        }
        let cards = JobCards(texts: texts, scene: scene)
        let content = cards.shownAgain(known, catalogue: catalogue)
        send(content, key: "\(event):job:\(known.jobID)", replyTo: nil)
        intent = .nothing
    }

    /// The next step with a result: a model of the task with the result in its place.
    private mutating func follow(_ task: ModelTask, _ job: KnownJob, _ index: Int) {
        guard job.assets.indices.contains(index) else { return missing(.toastOutdated) }
        let file = job.assets[index].reference
        let maker = job.draft.modelNumber
        guard let model = catalogue.suggestion(for: task, media: [file], madeBy: maker, text: nil) else {
            return missing(.toastModelGone)
        }
        session.open(Draft(modelNumber: model.number).filled(text: nil, media: [file], madeBy: maker, model: model))
        go(to: .composer)
    }

    /// The same wish with another model; its price is asked anew, and nothing starts by itself.
    private mutating func redo(_ job: KnownJob, with number: Int) {
        guard let model = catalogue.model(number) else { return missing(.toastModelGone) }
        session.open(job.repeatable.carried(to: model, from: catalogue.model(job.draft.modelNumber)))
        go(to: .composer)
    }

    private mutating func sendOriginal(of job: KnownJob, _ index: Int) {
        guard job.assets.indices.contains(index) else { return missing(.toastOutdated) }
        toast = Toast(text: texts.plain(.toastSending))
        let content = MessageContent(
            text: Texts.escape(job.assets[index].fileName),
            media: [MediaItem(form: .document, asset: job.assets[index])]
        )
        send(content, key: "\(event):original", replyTo: nil)
        intent = .nothing
    }

    /// Sends a message below everything.
    mutating func send(_ content: MessageContent, key: String, replyTo: Int64?, isSilent: Bool = false) {
        commands.append(
            .send(
                key: key,
                SendMessage.Input(
                    chatID: scene.chatID,
                    content: content,
                    replyToMessageID: replyTo,
                    isSilent: isSilent
                )
            )
        )
        // A picture fills the screen: after one, the panel is out of sight.
        session.belowPanel += content.media.isEmpty ? 1 : 4
    }

    /// Draws a job's status card; the caller has raised its revision.
    func putCard(for job: KnownJob, _ content: MessageContent, repost: Bool = false) -> Command {
        .putCard(
            key: "job:\(job.jobID)",
            PutCard.Input(
                revision: job.cardRevision,
                content: content,
                repost: repost,
                replyToMessageID: job.draft.promptMessageID,
                isSilent: true
            )
        )
    }
}

extension ButtonAction {
    /// The job that a button names.
    var job: UInt64? {
        switch self {
        case .cancelJob(let job), .showJob(let job), .again(let job), .edit(let job), .follow(_, let job, _),
            .inFull(let job), .chain(_, let job, _), .asset(let job, _), .original(let job, _), .insteadOf(let job, _):
            job
        default: nil
        }
    }
}

extension Asset {
    /// The result as an input of another run.
    var reference: MediaReference {
        MediaReference(
            assetID: assetID,
            kind: kind,
            mimeType: mimeType,
            sizeBytes: sizeBytes,
            width: width,
            height: height,
            durationSeconds: durationSeconds
        )
    }
}
