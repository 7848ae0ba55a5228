internal import Contracts

extension Turn {
    /// Tells the user what has happened to a job or a payment, once and never backwards.
    mutating func plan(_ fact: Fact) {
        placement = .edit
        toldBalance = fact.balance
        switch fact.kind {
        case .jobAccepted, .jobRunning, .jobRetrying, .jobSucceeded, .jobFailed, .jobCancelled:
            if let group = fact.group { return tell(group, about: fact.job) }
            guard let job = fact.job else { return repeated() }
            tell(job)
        case .orderReady, .paymentSucceeded, .paymentCanceled:
            guard let order = fact.order else { return repeated() }
            tell(order, kind: fact.kind)
        case .unknown: repeated()
        }
    }

    mutating func repeated() {
        intent = .nothing
        outcome = .repeated
    }

    /// Brings a job's card and result up to what is reported.
    mutating func tell(_ reported: Job) {
        var known = job ?? adopt(reported)
        let progress = KnownJob.Progress(reported)
        guard progress > known.progress else { return repeated() }
        known.progress = progress
        let isNew = known.cardRevision == 0
        known.cardRevision = nextRevision(after: known.cardRevision)
        let texts = Texts(known.language)
        let cards = JobCards(texts: texts, scene: scene)
        switch reported.state {
        case .accepted, .running, .retrying:
            note(known)
            commands.append(putCard(for: known, cards.status(of: known, reported)))
            if isNew { session.belowPanel += 1 }
        // The card goes alone: the chat's pace is spent on nothing that could be in its way. The panel stays the
        // composer, whose buttons say that the run has started.
        case .failed:
            note(known)
            send(
                cards.failure(known, reported, catalogue),
                key: "job:\(known.jobID):failure",
                replyTo: known.draft.promptMessageID
            )
            commands.append(putCard(for: known, cards.ended(known, .cardFailedLine)))
            leaveStarting(known)
        case .cancelled:
            note(known)
            commands.append(putCard(for: known, cards.cancelled(known)))
            leaveStarting(known)
        case .succeeded:
            (known.assets, known.chargedKopecks) = (reported.assets, reported.chargedKopecks)
            note(known)
            intent = .deliver(reported, known)
        }
    }

    /// A job that we have no row for, e.g. after our database was restored from a backup: the fact has all that counts.
    private func adopt(_ reported: Job) -> KnownJob {
        var draft = Draft(modelNumber: reported.modelNumber)
        if let prompt = reported.prompt { draft.set("prompt", to: .string(prompt)) }
        return KnownJob(
            jobID: reported.jobID,
            userID: reported.userID,
            chatID: reported.chatID,
            language: settings.language,
            draft: draft,
            modelTitle: reported.modelTitle,
            priceKopecks: reported.priceKopecks,
            createdAt: reported.createdAt
        )
    }

    /// Once the job has ended, the panel goes back to being the menu.
    private mutating func leaveStarting(_ job: KnownJob) {
        guard session.screen == .starting(job: job.jobID) else { return }
        go(to: .home)
    }

    private mutating func tell(_ reported: Order, kind: FactKind) {
        let before = order ?? KnownOrder(unreported: reported)
        var known = before
        known.update(from: reported)
        let isShown = session.screen == .payment(order: known.orderID)
        switch kind {
        case .paymentSucceeded:
            guard before.state != .credited else { return repeated() }
            known.state = .credited
            note(known)
            celebrate(known)
        default:
            guard known != before else { return repeated() }
            note(known)
            if isShown { intent = .show } else { outcome = .quiet }
        }
    }

    /// Money is there: a receipt, and what had stopped for want of it goes on.
    private mutating func celebrate(_ order: KnownOrder) {
        let waiting = session.waiting.flatMap { $0.isFresh(at: now) ? $0 : nil }
        let cards = PaymentCards(texts: texts, scene: scene)
        send(
            cards.receipt(order, balance: toldBalance, continues: waiting != nil),
            key: "order:\(order.orderID):paid",
            replyTo: nil
        )
        if let waiting {
            intent = .resume(waiting)
            return
        }
        if session.screen.isAboutTopUp { go(to: session.draft == nil ? .home : .composer) }
    }
}

extension KnownOrder {
    /// An order that we have no row for, as it is reported.
    init(_ order: Order) {
        self.init(unreported: order)
        update(from: order)
    }

    /// The same before anything about it was reported.
    init(unreported order: Order) {
        orderID = order.orderID
        userID = order.userID
        chatID = order.chatID
        amountKopecks = order.amountKopecks
        rail = order.rail
        state = .creating
    }
}
