internal import Contracts

extension Screens {
    func jobs() -> Card {
        var keyboard = keyboard()
        keyboard.row(keyboard.button(.buttonRefresh, .jobs), keyboard.button(.buttonHistory, .history(page: 0)))
        guard let all = knowledge.jobs else {
            keyboard.footer(back: nil)
            return Card(text: texts.html(.jobsUnavailable), keyboard: keyboard)
        }
        let listed = ListedRun.list(all)
        let recent = Array(listed.filter(\.isUnderWay).prefix(5))
        let shown = recent.isEmpty ? Array(listed.prefix(3)) : recent
        for (index, run) in shown.enumerated() {
            let short = run.short
            keyboard.row(
                keyboard.button("\(index + 1)", .showJob(short)),
                run.canBeCancelled ? keyboard.button(.buttonCancel, .cancelJob(short)) : nil
            )
        }
        keyboard.footer(back: nil)
        let rows = shown.enumerated().map { index, run in jobRow(index + 1, run) }
        return Card(
            text: lines(
                texts.html(recent.isEmpty ? .jobsNone : .jobsTitle),
                rows.isEmpty ? nil : rows.joined(separator: "\n")
            ),
            keyboard: keyboard
        )
    }

    private func jobRow(_ number: Int, _ run: ListedRun) -> String {
        let job = run.jobs[0]
        var state = texts.plain(TextKey(state: run.state))
        if run.jobs.count > 1 {
            let done = ["done": String(run.done), "all": String(run.jobs.count)]
            state = texts.plain(.groupDoneShort, done) + (run.isUnderWay ? ", " + state : "")
        }
        return texts.html(
            .jobRow,
            [
                "n": .text(String(number)),
                "model": .text(catalogue.title(of: job.modelNumber, or: job.modelTitle, texts)),
                "prompt": .text(Texts.shortened(job.prompt ?? "", to: 60)),
                "state": .text(state), "price": .text(texts.price(run.kopecks)),
            ]
        )
    }

    func history(_ index: Int) -> Card {
        var keyboard = keyboard()
        guard let all = knowledge.jobs else {
            keyboard.footer(back: nil)
            return Card(text: texts.html(.jobsUnavailable), keyboard: keyboard)
        }
        let done = all.filter { $0.state == .succeeded }
        guard !done.isEmpty else {
            keyboard.row(keyboard.button(.buttonCreate, .tasks, .primary))
            keyboard.footer(back: nil)
            return Card(text: texts.html(.historyEmpty), keyboard: keyboard)
        }
        let page = Page(done, index: index, size: 5)
        let numbered = page.items.enumerated().map { (number: page.index * 5 + $0 + 1, job: $1) }
        keyboard.grid(numbered.map { keyboard.button(String($0.number), .showJob($0.job.jobID.short)) })
        keyboard.pages(page.index, of: page.count) { .history(page: $0) }
        keyboard.footer(back: nil)
        let rows = numbered.map { number, job in
            texts.html(
                .historyRow,
                [
                    "n": .text(String(number)),
                    "model": .text(catalogue.title(of: job.modelNumber, or: job.modelTitle, texts)),
                    "date": .text(texts.date(job.createdAt)),
                    "prompt": .text(Texts.shortened(job.prompt ?? "", to: 60)),
                    "price": .text(texts.price(job.chargedKopecks ?? job.priceKopecks)),
                ]
            )
        }
        return Card(
            text: lines(texts.html(.historyTitle), rows.joined(separator: "\n")),
            keyboard: keyboard
        )
    }

    /// One result of several, and what can be done with it.
    func result(_ index: Int) -> Card {
        guard let job = turn.job, job.assets.indices.contains(index) else { return home() }
        var keyboard = keyboard()
        let short = job.jobID.short
        keyboard.grid(
            Follow.steps(for: job.assets[index], madeBy: job.draft.modelNumber, in: catalogue).prefix(4).map {
                keyboard.button(texts.title(of: $0), .follow($0, job: short, asset: index))
            }
        )
        keyboard.chains(for: job.assets[index], at: index, of: job, catalogue)
        keyboard.row(keyboard.button(.buttonOriginal, .original(job: short, asset: index)))
        keyboard.footer(back: nil)
        return Card(
            text: texts.html(.resultPicked, ["n": .text(String(index + 1)), "model": .text(job.modelTitle)]),
            keyboard: keyboard
        )
    }
}

extension TextKey {
    init(state: JobState) {
        switch state {
        case .accepted: self = .stateAccepted
        case .running: self = .stateRunning
        case .retrying: self = .stateRetrying
        case .succeeded: self = .stateSucceeded
        case .failed: self = .stateFailed
        case .cancelled: self = .stateCancelled
        }
    }
}
