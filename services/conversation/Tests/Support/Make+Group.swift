import Contracts
import Time

@testable import ConversationService

extension Make {
    /// A group as generation reports it: its parts copy by copy, each with a state and why it failed.
    static func group(
        _ id: JobID,
        copies: Int,
        stages: Int = 1,
        _ states: [JobState],
        failure: JobFailure = .provider,
        revision: Int64,
        price: Int64 = 1_400
    ) -> JobGroup {
        let parts = states.enumerated().map { index, state in
            let isEnded = [.succeeded, .failed, .cancelled].contains(state)
            return GroupPart(
                jobID: JobID(now: now + .milliseconds(index)),
                copy: index / stages + 1,
                stage: index % stages + 1,
                modelTitle: index % stages == 0 ? "Nano Banana Pro" : "Kling Motion",
                output: index % stages == 0 ? .image : .video,
                state: state,
                priceKopecks: price,
                chargedKopecks: isEnded ? (state == .succeeded ? price : 0) : nil,
                failure: state == .failed ? failure : nil,
                typicalSeconds: 20
            )
        }
        return JobGroup(
            groupID: GroupID(id.uuid),
            userID: user,
            chatID: user,
            prompt: "лиса",
            copies: copies,
            stages: stages,
            priceKopecks: price * Int64(states.count),
            chargedKopecks: parts.compactMap(\.chargedKopecks).reduce(0, +),
            revision: revision,
            parts: parts,
            createdAt: now
        )
    }

    /// A report about one part of a group.
    static func fact(_ kind: FactKind, part: Int, of group: JobGroup, assets: [Asset] = []) -> Fact {
        let reported = group.parts[part]
        var job = job(
            reported.jobID,
            reported.state,
            price: reported.priceKopecks,
            charged: reported.chargedKopecks,
            failure: reported.failure,
            assets: assets
        )
        if reported.stage > 1 { (job.modelNumber, job.modelTitle) = (3, "Kling Motion") }
        job.group = GroupPlace(
            groupID: group.groupID,
            copy: reported.copy,
            copies: group.copies,
            stage: reported.stage,
            stages: group.stages
        )
        var fact = fact(kind, job: job)
        fact.group = group
        return fact
    }
}
