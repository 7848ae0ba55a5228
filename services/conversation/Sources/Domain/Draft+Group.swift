internal import Contracts

/// Several runs of one confirm.
extension Draft {
    /// How many runs are wanted.
    var copyCount: Int { copies ?? 1 }

    /// Whether the confirm makes more than one job.
    var isGroup: Bool { copyCount > 1 || !stages.isEmpty }

    /// What is made of the result, in order, each stage with its own words or else the first one's.
    var stages: [NextStage] {
        (then ?? []).enumerated().map { place, stage in
            guard let wish = wishes?[place] else { return stage }
            var stage = stage
            stage.inputs[wish.input] = .string(wish.text)
            return stage
        }
    }

    /// Says what is wanted of a later stage; nil: what the first one's words say.
    mutating func setWish(_ wish: StageWish?, of place: Int) {
        guard wishes?[place] != wish else { return }
        var wishes = wishes ?? [:]
        wishes[place] = wish
        self.wishes = wishes.isEmpty ? nil : wishes
        price = nil
    }

    /// How many runs a confirm may make at once; only 1 where a repeat would give the same again.
    func copyChoices(of model: Model) -> [Int] {
        let isCreative = !Set(model.tasks).isDisjoint(with: Self.creativeTasks)
        return isCreative && inputs["seed"] == nil ? [1, 3, 5] : [1]
    }

    /// Tasks whose every run comes out otherwise.
    private static let creativeTasks: Set<ModelTask> = [
        .textToImage, .imageToImage, .textToVideo, .imageToVideo, .referenceToVideo, .avatar, .music,
    ]
}

/// A trial: the same run in small, to see what it would be like.
extension Draft {
    /// Turns the run into its trial, and remembers what it was. A seed stays, so that the full run begins alike.
    mutating func becomeTrial(_ offered: QuotedTrial) {
        var restored: [String: JSONValue] = [:]
        for name in offered.inputs.keys where name != "seed" { restored[name] = inputs[name] ?? .null }
        inputs.merge(offered.inputs) { $1 }
        (full, trial, copies, then, wishes, price) = (restored, nil, nil, nil, nil, nil)
    }

    /// The full run of a trial that has been made.
    func inFull(after job: JobID) -> Draft {
        var draft = self
        for (name, value) in full ?? [:] { draft.inputs[name] = value == .null ? nil : value }
        (draft.full, draft.trial, draft.price) = (nil, job, nil)
        return draft
    }
}

extension Catalogue {
    /// A model's title in the reader's language, which a report of its job knows only in Russian.
    func title(of number: Int?, or reported: String, _ texts: Texts) -> String {
        number.flatMap(model).map { texts.title(of: $0) } ?? reported
    }

    /// The titles of a run's models, in the order in which they work: `Z-Image → Kling`.
    func title(of draft: Draft, _ texts: Texts) -> String {
        ([draft.modelNumber] + draft.stages.map(\.modelNumber)).map { number in
            model(number).map { texts.title(of: $0) } ?? ""
        }.joined(separator: " → ")
    }
}

extension JobGroup {
    /// Whether a result of a copy that nothing more is made of is there.
    var done: Int { parts.count { $0.stage == stages && $0.state == .succeeded } }

    /// What the user counts: copies, or the steps of a single chain.
    var total: Int { copies > 1 ? copies : stages }
    var doneOfTotal: Int { copies > 1 ? done : parts.count { $0.state == .succeeded } }

    var isOver: Bool {
        parts.allSatisfy { [.succeeded, .failed, .cancelled].contains($0.state) && $0.chargedKopecks != nil }
    }

    /// What has come back; only final once the group is over.
    var returnedKopecks: Int64 {
        parts.map { $0.priceKopecks - ($0.chargedKopecks ?? $0.priceKopecks) }.reduce(0, +)
    }

    /// Why it went wrong first; a stage that was never started says nothing.
    var failure: JobFailure? { parts.first { $0.state == .failed && $0.failure != .previousStage }?.failure }

    var isCancelled: Bool { parts.contains { $0.state == .cancelled } && !parts.contains { $0.state == .failed } }

    var typicalSeconds: Int { parts.filter { $0.copy == 1 }.map(\.typicalSeconds).reduce(0, +) }
}

extension KnownJob.Progress {
    /// Of a group: every report is news until it is over, and a late present after that.
    init(_ group: JobGroup) {
        let revision = Int(clamping: min(max(group.revision, 0), 900))
        rank = (group.isOver ? Self.succeeded.rank : Self.accepted.rank) + revision
    }
}
