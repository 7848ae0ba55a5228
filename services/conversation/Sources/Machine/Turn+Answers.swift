internal import Contracts

extension Turn {
    /// What generation and payments said to our commands.
    mutating func plan(_ answer: CommandAnswer) {
        placement = .edit
        switch (answer.purpose, answer.outcome) {
        case (_, .job(let job)): tell(job)
        case (_, .group(let group)): tell(group, about: nil)
        case (.checkOrder, .order(let reported)): update(reported, wasChecked: true)
        case (_, .order(let reported)): update(reported, wasChecked: false)
        case (.createJob, .refused(let problem)), (.createGroup, .refused(let problem)): refuse(problem)
        case (.cancelJob, .refused(let problem)), (.cancelGroup, .refused(let problem)): cancelRefused(problem)
        case (.createOrder, .refused(let problem)): orderRefused(problem)
        case (.checkOrder, .refused):
            guard order.map({ session.screen == .payment(order: $0.orderID) }) == true else { return beQuiet() }
            notices.append(texts.html(.noticeCheckFailed))
            intent = .show
        }
    }

    /// - Parameter wasChecked: Whether the user asked for it: only then is it news that nothing has been paid.
    private mutating func update(_ reported: Order, wasChecked: Bool) {
        var known = order ?? KnownOrder(reported)
        let wasCredited = known.state == .credited
        known.update(from: reported)
        // Credited here would swallow the fact that brings the receipt and lets the draft go on.
        if known.state == .credited, !wasCredited { known.state = .paid }
        note(known)
        guard session.screen == .payment(order: known.orderID) else { return beQuiet() }
        if wasChecked, known.state == .pending { notices.append(texts.html(.noticeNotPaidYet)) }
        intent = .show
    }

    /// Generation did not take the job. Nothing was spent, and the draft comes back.
    private mutating func refuse(_ problem: Problem) {
        guard var job, job.progress < .accepted else { return beQuiet() }
        job.progress = .refused
        note(job)
        switch problem.code {
        case .quoteExpired, .quoteNotFound: intent = .requote(job)
        case .insufficientFunds:
            giveBack(job)
            session.waiting = WaitingDraft(draft: job.draft, agreedKopecks: job.priceKopecks, since: now)
            go(
                to: .shortage(
                    kopecks: problem.members["shortage_kopecks"]?.integer ?? job.priceKopecks,
                    availableKopecks: problem.members["available_kopecks"]?.integer ?? 0
                )
            )
        default:
            // A price of a model that is not sold any more says nothing; asking anew names others.
            if [.modelUnavailable, .modelNotFound].contains(problem.code) { job.draft = job.requoted }
            giveBack(job)
            notices.append(texts.html(TextKey(refusal: problem.code)))
            go(to: .composer)
        }
    }

    /// Puts what was sent off back into the user's hands: the panel is about to speak of it. A draft that was begun in
    /// the meantime is put aside.
    mutating func giveBack(_ job: KnownJob) {
        session.open(job.draft)
    }

    private mutating func cancelRefused(_ problem: Problem) {
        guard var job, !job.progress.isFinal else { return beQuiet() }
        job.cardRevision = nextRevision(after: job.cardRevision)
        note(job)
        let texts = Texts(job.language)
        if let group = job.group {
            let cards = GroupCards(texts: texts, scene: scene, catalogue: catalogue)
            commands.append(putCard(for: job, cards.tooLateToCancel(job, group)))
        } else {
            commands.append(putCard(for: job, JobCards(texts: texts, scene: scene).tooLateToCancel(job)))
        }
    }

    private mutating func orderRefused(_ problem: Problem) {
        guard var order else { return beQuiet() }
        order.state = .canceled
        order.refusal = problem.code
        note(order)
        notices.append(texts.html(TextKey(refusal: problem.code)))
        go(to: .topUp)
    }
}

extension TextKey {
    /// What a refused command means for the user.
    init(refusal code: ProblemCode) {
        switch code {
        case .modelUnavailable, .modelNotFound: self = .noticeModelUnavailable
        case .limitExceeded: self = .noticeLimitExceeded
        case .accountFrozen: self = .noticeAccountFrozen
        case .amountOutOfRange: self = .noticeAmountOutOfRange
        case .paymentMethodUnavailable: self = .noticeRailUnavailable
        default: self = .noticeNotStarted
        }
    }
}
