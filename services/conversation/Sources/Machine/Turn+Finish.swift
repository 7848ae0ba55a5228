internal import Contracts

extension Turn {
    /// Decides the rest of a planned turn with what the reads brought.
    func finished(with knowledge: Knowledge) -> Decision {
        var turn = self
        var knowledge = knowledge
        knowledge.balance = turn.toldBalance ?? knowledge.balance
        turn.finish(&knowledge)
        var shown: String?
        if turn.intent == .show { shown = turn.drawPanel(knowledge) }
        return Decision(
            session: turn.session,
            settings: turn.settings,
            jobs: turn.changedJobs,
            orders: turn.changedOrders,
            commands: turn.commands,
            shown: shown,
            outcome: turn.outcome
        )
    }

    private mutating func finish(_ knowledge: inout Knowledge) {
        switch intent {
        case .nothing: break
        case .show: takePrice(knowledge.quote)
        case .help(let kind): takeHelp(knowledge.help, kind)
        case .generate(let confirmed): generate(confirmed: confirmed, knowledge)
        case .resume(let waiting): resume(waiting, knowledge)
        case .requote(let job): goOn(with: job, knowledge)
        case .deliver(let reported, let job): deliver(reported, job, knowledge)
        }
    }

    /// Notes the price of the current draft, or says why there is none.
    private mutating func takePrice(_ outcome: QuoteOutcome?) {
        switch outcome {
        case nil: break
        case .quoted(let quote):
            guard session.draft?.modelNumber == quote.modelNumber else { break }
            session.draft?.price = FrozenPrice(quote)
        // The screen itself says that the model is gone.
        case .refused where isModelGone, .unavailable where isModelGone: break
        case .refused(let problem):
            notices.append(contentsOf: explain(problem).filter { !notices.contains($0) })
        case .unavailable: notices.append(texts.html(.noticePriceUnavailable))
        }
    }

    /// What stands in the way of a price, in words about the user's own inputs.
    private func explain(_ problem: Problem) -> [String] {
        guard problem.code == .invalidInputs, let fields = problem.members["fields"]?.array else {
            return [texts.html(TextKey(refusal: problem.code))]
        }
        let lines = fields.prefix(3).compactMap { field -> String? in
            guard let name = field["name"]?.string, let input = draftModel?.inputs.first(where: { $0.name == name })
            else { return nil }
            let reason = field["reason"]?.string.flatMap(InputProblem.Reason.init(rawValue:))
            let limit = field["limit"]?.number.map { texts.limit($0, of: reason) } ?? ""
            let other = field["with"]?.string.flatMap { name in draftModel?.inputs.first { $0.name == name } }
            return texts.html(
                TextKey(reason),
                [
                    "input": .text(texts.name(of: input)), "limit": .text(limit),
                    "other": .text(other.map { texts.name(of: $0) } ?? ""),
                ]
            )
        }
        return lines.isEmpty ? [texts.html(.problemOther, ["input": .text("")])] : lines
    }

    private mutating func generate(confirmed: Bool, _ knowledge: Knowledge) {
        let seen = session.draft?.price?.kopecks
        takePrice(knowledge.quote)
        guard let draft = session.draft, let price = draft.usablePrice(at: now) else { return go(to: .composer) }
        if let seen, price.kopecks > seen {
            session.draftSerial += 1
            notices.append(texts.html(.noticePriceRose, ["old": .text(texts.money(seen))]))
            return go(to: .confirm)
        }
        if !confirmed, let limit = settings.confirmAboveKopecks, price.kopecks > limit { return go(to: .confirm) }
        launch(draft, price)
        session.draft = nil
        session.draftSerial += 1
    }

    /// Hands a draft over to generation. From here on the job row holds it.
    ///
    /// The panel is left as it is: Telegram takes about one message a second in a chat, and the next one is to be the
    /// job's card. The toast has said that the run starts; a second press draws the panel, which says so too.
    ///
    /// - Parameter isInSight: Whether the panel speaks of this draft; a run that starts by itself leaves any other screen
    ///   to the user.
    private mutating func launch(_ draft: Draft, _ price: FrozenPrice, isInSight: Bool = true) {
        note(
            KnownJob(
                jobID: fresh.job,
                userID: scene.userID,
                chatID: scene.chatID,
                language: settings.language,
                draft: draft,
                modelTitle: catalogue.title(of: draft, texts),
                priceKopecks: price.kopecks,
                createdAt: now
            )
        )
        let job = CreateJob.Input(
            jobID: fresh.job,
            quoteID: price.quoteID,
            userID: scene.userID,
            chatID: scene.chatID
        )
        commands.append(draft.isGroup ? createGroup(price) : .createJob(job))
        if session.isWaiting(draft) { session.waiting = nil }
        if isInSight { session.screen = .starting(job: fresh.job) }
        intent = .nothing
    }

    /// The top-up has arrived: the draft goes on by itself unless it has become dearer.
    private mutating func resume(_ waiting: WaitingDraft, _ knowledge: Knowledge) {
        var draft = waiting.draft
        if case .quoted(let quote) = knowledge.quote { draft.price = FrozenPrice(quote) }
        let isCurrent = session.draft?.isSameRun(as: draft) ?? false
        session.parked.removeAll { $0.isSameRun(as: draft) }
        if let price = draft.usablePrice(at: now), price.kopecks <= waiting.agreedKopecks {
            launch(draft, price, isInSight: isCurrent && (session.screen.isAboutDraft || session.screen.isAboutTopUp))
            if isCurrent {
                session.draft = nil
                session.draftSerial += 1
            }
            return
        }
        session.waiting = nil
        if isCurrent { session.draft = nil }
        session.open(draft)
        if let price = draft.usablePrice(at: now), price.kopecks > waiting.agreedKopecks {
            notices.append(texts.html(.noticePriceRose, ["old": .text(texts.money(waiting.agreedKopecks))]))
            return go(to: .confirm)
        }
        notices.append(texts.html(.noticePriceUnavailable))
        go(to: .composer)
    }

    /// The price had expired under way: go on at the new one if it is not dearer, else ask.
    private mutating func goOn(with job: KnownJob, _ knowledge: Knowledge) {
        var draft = job.requoted
        if case .quoted(let quote) = knowledge.quote { draft.price = FrozenPrice(quote) }
        if let price = draft.usablePrice(at: now), price.kopecks <= job.priceKopecks {
            return launch(draft, price, isInSight: session.screen == .starting(job: job.jobID))
        }
        var returned = job
        returned.draft = draft
        giveBack(returned)
        guard let price = draft.price else {
            notices.append(texts.html(.noticeNotStarted))
            return go(to: .composer)
        }
        let rose = price.kopecks > job.priceKopecks
        notices.append(
            texts.html(rose ? .noticePriceRose : .noticeNotStarted, ["old": .text(texts.money(job.priceKopecks))])
        )
        go(to: .confirm)
    }

    private mutating func deliver(_ reported: Job, _ job: KnownJob, _ knowledge: Knowledge) {
        let cards = JobCards(texts: Texts(job.language), scene: scene)
        // The result first: what it leaves of the status card is cosmetic and may wait for the chat's pace.
        let messages = cards.results(job, reported, balance: knowledge.balance, catalogue: catalogue)
        // What a later step goes on with is shown, but nobody is woken for it.
        let isBetween = reported.group.map { $0.stage < $0.stages } ?? false
        for (index, content) in messages.enumerated() {
            let suffix = index == 0 ? "" : ":\(index + 1)"
            send(
                content,
                key: "job:\(job.jobID):result\(suffix)",
                replyTo: job.draft.promptMessageID,
                isSilent: isBetween
            )
        }
        // The panel is redrawn only if it had been waiting for this job.
        intent = .nothing
        guard reported.group == nil else {
            if let (known, group) = reportedGroup { show(group, known) }
            return
        }
        commands.append(putCard(for: job, cards.ended(job, .cardDoneLine)))
        if session.screen == .starting(job: job.jobID) { go(to: .home) }
    }

    /// Draws the panel. Returns the screen's name.
    private mutating func drawPanel(_ knowledge: Knowledge) -> String {
        let screens = Screens(turn: self, knowledge: knowledge)
        let (screen, content) = screens.panel()
        session.screen = screen
        let isFirst = session.panelRevision == 0
        let comesDown =
            switch placement {
            case .edit: false
            case .nearby: session.belowPanel > 3
            case .down: session.belowPanel > 0
            }
        session.panelRevision = nextRevision(after: session.panelRevision)
        if isFirst || comesDown { session.belowPanel = 0 }
        commands.append(
            .putCard(
                key: scene.panelKey,
                PutCard.Input(
                    revision: session.panelRevision,
                    content: content,
                    repost: comesDown && !isFirst,
                    replyToMessageID: isFirst || comesDown ? replyTo : nil,
                    isSilent: true
                )
            )
        )
        return screen.name
    }
}

extension TextKey {
    /// Words for what is wrong with an input.
    init(_ reason: InputProblem.Reason?) {
        switch reason {
        case .missing: self = .problemMissing
        case .tooLong: self = .problemTooLong
        case .tooShort: self = .problemTooShort
        case .notAnOption, .wrongType: self = .problemNotAnOption
        case .outOfRange: self = .problemOutOfRange
        case .tooMany: self = .problemTooMany
        case .tooFew: self = .problemTooFew
        case .tooLarge: self = .problemTooLarge
        case .wrongMedia: self = .problemWrongMedia
        case .notTogether: self = .problemNotTogether
        case .tooLongClip: self = .problemTooLongClip
        case .tooShortClip: self = .problemTooShortClip
        case .unknownInput, nil: self = .problemOther
        }
    }
}
