internal import Contracts

/// One line of the list of jobs: a job by itself, or all jobs of a confirm.
struct ListedRun {
    /// Of a group the first of them first; at least one.
    var jobs: [Job]

    /// Jobs as generation lists them, those of a group folded into the line of its newest.
    static func list(_ jobs: [Job]) -> [ListedRun] {
        var runs: [ListedRun] = []
        var places: [GroupID: Int] = [:]
        for job in jobs {
            guard let group = job.group?.groupID else {
                runs.append(ListedRun(jobs: [job]))
                continue
            }
            if let index = places[group] {
                runs[index].jobs.append(job)
            } else {
                places[group] = runs.count
                runs.append(ListedRun(jobs: [job]))
            }
        }
        for index in runs.indices {
            runs[index].jobs.sort {
                ($0.group?.copy ?? 1, $0.group?.stage ?? 1) < ($1.group?.copy ?? 1, $1.group?.stage ?? 1)
            }
        }
        return runs
    }

    /// What buttons carry: the group's code where there is one, because its card stands for all.
    var short: UInt64 { (jobs[0].group.map { JobID($0.groupID.uuid) } ?? jobs[0].jobID).short }
    var isUnderWay: Bool { jobs.contains { !KnownJob.Progress($0).isFinal } }
    var canBeCancelled: Bool { jobs.contains { $0.state == .accepted } }
    var done: Int { jobs.count { $0.state == .succeeded } }
    /// Taken so far, or reserved still.
    var kopecks: Int64 { jobs.map { $0.chargedKopecks ?? $0.priceKopecks }.reduce(0, +) }

    /// Of what is under way the furthest, else how it ended.
    var state: JobState {
        let states = jobs.map(\.state)
        return [.running, .retrying, .accepted, .succeeded, .failed, .cancelled].first { states.contains($0) }
            ?? .accepted
    }
}
