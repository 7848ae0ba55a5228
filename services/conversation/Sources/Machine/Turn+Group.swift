internal import Contracts

/// Groups: several jobs of one confirm, one status card, each result by itself.
extension Turn {
    /// Brings a group's card, and the result of the job that was reported with it, up to what is reported.
    mutating func tell(_ reported: JobGroup, about member: Job?) {
        // A group is a row of its own kind in the user's jobs, under the group's id.
        let known = group ?? job.flatMap { $0.jobID.uuid == reported.groupID.uuid ? $0 : nil } ?? adopt(reported)
        let isNews = KnownJob.Progress(reported) > known.progress
        if let member, member.state == .succeeded {
            var told = job.flatMap { $0.jobID == member.jobID ? $0 : nil } ?? part(member, of: known)
            if told.progress < .succeeded {
                told.progress = .succeeded
                (told.assets, told.chargedKopecks) = (member.assets, member.chargedKopecks)
                note(told)
                intent = .deliver(member, told)
                if isNews { reportedGroup = (known, reported) }
                return
            }
        }
        guard isNews else { return repeated() }
        show(reported, known)
    }

    /// A member as a job of its own: what "again" repeats is one run of it.
    private func part(_ member: Job, of group: KnownJob) -> KnownJob {
        var draft = group.draft
        if let place = member.group, place.stage > 1, draft.stages.indices.contains(place.stage - 2) {
            let stage = draft.stages[place.stage - 2]
            draft = Draft(modelNumber: stage.modelNumber)
            draft.inputs = stage.inputs
            draft.media = stage.media ?? [:]
        }
        (draft.copies, draft.then, draft.wishes, draft.price) = (nil, nil, nil, nil)
        draft.promptMessageID = group.draft.promptMessageID
        return KnownJob(
            jobID: member.jobID,
            userID: member.userID,
            chatID: member.chatID,
            language: group.language,
            draft: draft,
            modelTitle: catalogue.title(of: member.modelNumber, or: member.modelTitle, Texts(group.language)),
            priceKopecks: member.priceKopecks,
            createdAt: member.createdAt
        )
    }

    /// A group that we have no row for: the report has what counts.
    private func adopt(_ reported: JobGroup) -> KnownJob {
        var draft = Draft(
            modelNumber: catalogue.models.first { $0.title == reported.parts.first?.modelTitle }?.number ?? 0
        )
        if let prompt = reported.prompt { draft.set("prompt", to: .string(prompt)) }
        draft.copies = reported.copies > 1 ? reported.copies : nil
        return KnownJob(
            jobID: JobID(reported.groupID.uuid),
            userID: reported.userID,
            chatID: reported.chatID,
            language: settings.language,
            draft: draft,
            modelTitle: reported.parts.filter { $0.copy == 1 }.map(\.modelTitle).joined(separator: " → "),
            priceKopecks: reported.priceKopecks,
            createdAt: reported.createdAt
        )
    }

    /// Draws the group's card; once it is over and something is missing, says so in a message of its own.
    mutating func show(_ reported: JobGroup, _ known: KnownJob) {
        var known = known
        known.progress = KnownJob.Progress(reported)
        known.group = reported
        let isNew = known.cardRevision == 0
        known.cardRevision = nextRevision(after: known.cardRevision)
        note(known)
        let cards = GroupCards(texts: Texts(known.language), scene: scene, catalogue: catalogue)
        if reported.isOver, !reported.isCancelled, reported.doneOfTotal < reported.total {
            let key = "job:\(known.jobID):summary:\(reported.revision)"
            send(cards.summary(known, reported), key: key, replyTo: known.draft.promptMessageID)
        }
        commands.append(putCard(for: known, cards.status(of: known, reported)))
        if isNew { session.belowPanel += 1 }
        if reported.isOver, session.screen == .starting(job: known.jobID) { go(to: .home) }
    }

    /// Hands the current draft over as a group, under the id that a job by itself would have had.
    func createGroup(_ price: FrozenPrice) -> Command {
        .createGroup(
            CreateGroup.Input(
                groupID: GroupID(fresh.job.uuid),
                quoteID: price.quoteID,
                userID: scene.userID,
                chatID: scene.chatID
            )
        )
    }

    /// Something more is made of what the draft makes.
    mutating func addStage(_ task: ModelTask) {
        guard let draft = session.draft, let model = draftModel, draft.stages.isEmpty,
            let stages = Follow.chain(
                [task],
                from: model.output,
                madeBy: model.number,
                text: draft.prompt(of: model),
                in: catalogue
            )
        else { return missing(.toastModelGone) }
        setStages(stages)
    }

    mutating func setStages(_ stages: [NextStage]?) {
        session.editDraft { draft in
            (draft.then, draft.wishes) = (stages, nil)
            draft.price = nil
        }
        go(to: .confirm)
    }

    /// The trial at its own price, still to be confirmed.
    mutating func tryFirst() {
        guard let offered = session.draft?.price?.trial else { return missing(.toastOutdated) }
        session.editDraft { $0.becomeTrial(offered) }
        go(to: .confirm)
    }

    /// A chain with a result: its first task takes the picture, the others what comes of it.
    mutating func follow(chain index: Int, _ job: KnownJob, _ asset: Int) {
        guard Follow.chains.indices.contains(index), job.assets.indices.contains(asset) else {
            return missing(.toastOutdated)
        }
        let file = job.assets[asset].reference
        let text = job.draft.inputs["prompt"]?.string
        let tasks = Follow.chains[index]
        let maker = job.draft.modelNumber
        guard let model = catalogue.suggestion(for: tasks[0], media: [file], madeBy: maker, text: nil),
            let stages = Follow.chain(
                Array(tasks.dropFirst()),
                from: model.output,
                madeBy: model.number,
                text: text,
                in: catalogue
            )
        else { return missing(.toastModelGone) }
        var draft = Draft(modelNumber: model.number).filled(text: nil, media: [file], madeBy: maker, model: model)
        draft.then = stages
        session.open(draft)
        go(to: draft.missingInput(of: model) == nil ? .confirm : .composer)
    }

    /// How many runs the confirm makes.
    mutating func setCopies(_ copies: Int) {
        guard let draft = session.draft, let model = draftModel, draft.copyChoices(of: model).contains(copies) else {
            return missing(.toastOutdated)
        }
        session.editDraft { draft in
            draft.copies = copies > 1 ? copies : nil
            draft.price = nil
        }
        go(to: .confirm)
    }
}
