internal import Contracts
internal import Cryptography
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// `CreateGroup`, `GetGroup`, `CancelGroup`.
struct GroupHandler: Sendable {
    let tools: Toolbox
    private let runner: JobRunner
    private let admission: JobAdmission

    init(tools: Toolbox) {
        self.tools = tools
        self.runner = JobRunner(tools: tools)
        self.admission = JobAdmission(tools: tools)
    }

    /// Writes all rows in one transaction, places one hold for them, and lets the first stages go.
    ///
    /// The first job places the hold as if it were its own, so that what a crash interrupts is completed the same way as
    /// for a job by itself.
    func create(_ input: CreateGroup.Input, _ call: Call<CreateGroup>) async throws -> Answer<JobGroup> {
        let fingerprint = call.fingerprint
        if let known = try await find(input.groupID, call.idempotencyKey) { return try await goOn(known, fingerprint) }
        let quoted = try await admission.quote(input.quoteID, of: input.userID)
        guard quoted.credit == nil else { throw Problem(.quoteNotFound, "a trial is credited to a job by itself") }
        let plan = quoted.plan ?? quoted.single
        let group = GroupRow(
            groupID: input.groupID,
            key: call.idempotencyKey,
            fingerprint: fingerprint,
            userID: input.userID,
            chatID: input.chatID,
            quoteID: input.quoteID,
            prompt: plan.stages[0].inputs.prompt,
            copies: plan.copies,
            stages: plan.stages.count,
            priceKopecks: plan.priceKopecks,
            createdAt: tools.clock.now
        )
        let rows = try jobs(of: group, plan, input.priority)
        guard try await admission.insert(rows, of: group) else {
            guard let known = try await find(input.groupID, call.idempotencyKey) else {
                throw Problem(.inProgress, "the group is just being made", retryAfterSeconds: 1)
            }
            return try await goOn(known, fingerprint)
        }
        return .fresh(try await accepted(rows, of: input.groupID))
    }

    private typealias Stored = (row: GroupRow, jobs: [JobRow])

    private func find(_ id: GroupID, _ key: String) async throws -> Stored? {
        if let known = try await tools.jobs.group(key: key) { return known }
        return try await tools.jobs.group(id)
    }

    private func jobs(of group: GroupRow, _ plan: RunPlan, _ priority: Int?) throws -> [JobRow] {
        var rows: [JobRow] = []
        for copy in 1...plan.copies {
            for (index, stage) in plan.stages.enumerated() {
                let order = JobAdmission.Order(
                    jobID: JobID(now: group.createdAt),
                    key: "group:\(group.groupID):\(copy):\(index + 1)",
                    fingerprint: group.fingerprint,
                    quoteID: group.quoteID,
                    userID: group.userID,
                    chatID: group.chatID,
                    priority: priority,
                    createdAt: group.createdAt
                )
                var row = try admission.row(stage, order)
                let seat = GroupSeat(
                    groupID: group.groupID,
                    copy: copy,
                    copies: plan.copies,
                    stage: index + 1,
                    stages: plan.stages.count,
                    feeds: stage.feeds
                )
                row.seat = seat
                if seat.member.isLeader { row.holdKopecks = group.priceKopecks } else { row.progress.nextAt = nil }
                rows.append(row)
            }
        }
        return rows
    }

    /// Answers for a group that exists, and takes up a hold that was left open, unless a worker is at it.
    private func goOn(_ known: Stored, _ fingerprint: [UInt8]) async throws -> Answer<JobGroup> {
        guard constantTimeEquals(known.row.fingerprint, fingerprint) else {
            throw Problem(.idempotencyMismatch, "the key or group id was used for another group")
        }
        // Two that work under one fencing number could both go on from here.
        if let leader = known.jobs.first, leader.progress.step == .reserving, !leader.isLeased {
            return .replayed(try await accepted(known.jobs, of: known.row.groupID))
        }
        return .replayed(try await answer(known.row.groupID))
    }

    private func accepted(_ jobs: [JobRow], of id: GroupID) async throws -> JobGroup {
        guard let leader = jobs.first(where: { $0.seat?.member.isLeader == true }) else {
            throw Problem(.internalError, "the group has no first job")
        }
        do {
            guard try await runner.placeHold(leader) != nil else {
                throw Problem(.unavailable, "billing did not answer; the group is kept", retryAfterSeconds: 2)
            }
            tools.wake.set()
        } catch is LostLease {
            // A worker or another call was faster; whatever it found is the answer.
        }
        return try await answer(id)
    }

    private func answer(_ id: GroupID) async throws -> JobGroup {
        guard let (row, jobs) = try await tools.jobs.group(id) else {
            throw Problem(.jobNotFound, "there is no group \(id)")
        }
        if let refusal = jobs.lazy.compactMap(\.refusal).first { throw refusal }
        guard jobs.first?.progress.step != .reserving else {
            throw Problem(.inProgress, "the group is just being made", retryAfterSeconds: 1)
        }
        return row.published(jobs)
    }

    func get(_ call: Call<GetGroup>) async throws -> JobGroup {
        try await answer(try await visible(call.parameters.groupID))
    }

    private func visible(_ id: GroupID) async throws -> GroupID {
        guard let (_, jobs) = try await tools.jobs.group(id), jobs.first?.progress.step != .refused else {
            throw Problem(.jobNotFound, "there is no group \(id)")
        }
        return id
    }

    /// Cancelling a cancelled group again answers the same.
    func cancel(_ call: Call<CancelGroup>) async throws -> JobGroup {
        let id = try await visible(call.parameters.groupID)
        guard let outcome = try await tools.jobs.cancel(id, now: tools.clock.now) else {
            throw Problem(.jobNotFound, "there is no group \(id)")
        }
        guard outcome.isBegun else {
            throw Problem(.inProgress, "the group is just being made", retryAfterSeconds: 1)
        }
        guard outcome.isCancelled else {
            throw Problem(.notCancellable, "the provider has every job already, or it is over")
        }
        tools.wake.set()
        return outcome.group
    }
}
