internal import Contracts
internal import Foundation
internal import LoadtestKit
internal import LocalSystem

/// What must be true when the dust has settled, read from the databases and from the outside.
struct ChaosAudit: Sendable {
    let system: WholeSystem
    let jobs: Int

    func judge(_ bench: inout Bench) async throws {
        try await judgeJobs(&bench)
        try await judgeMoney(&bench)
        try await judgeGroups(&bench)
        try await judgeProvider(&bench)
        try await judgeChats(&bench)
    }

    private func judgeJobs(_ bench: inout Bench) async throws {
        func count(_ condition: String) async throws -> Double {
            try await system.number(.generation, "select count(*) from job where \(condition)")
        }
        bench.require("jobs", try await count("true"), .equal(Double(jobs)))
        bench.require("jobs_not_ended", try await count("step <> 'ended'"), .equal(0))
        bench.require("jobs_not_told", try await count("reported_at is null"), .equal(0))
        bench.require(
            "jobs_older_than_their_limit",
            try await count("coalesce(ended_at, now()) > hard_limit_at + interval '60 s'"),
            .equal(0)
        )
        bench.note("succeeded", try await count("verdict = 'succeeded'"))
        bench.note("failed", try await count("verdict = 'failed'"))
        bench.note("late_and_free", try await count("is_late"))
        bench.require(
            "succeeded_without_result",
            try await count(
                "verdict = 'succeeded' and not exists (select from asset where asset.job_id = job.job_id)"
            ),
            .equal(0)
        )
        // In time: the result was stored before the hold had ended.
        bench.require(
            "charged_otherwise_than_stored",
            try await count(
                """
                charged_kopecks <> case when verdict = 'succeeded' and not is_late then price_kopecks else 0 end
                """
            ),
            .equal(0)
        )
    }

    private func judgeMoney(_ bench: inout Bench) async throws {
        bench.require("entries_sum_kopecks", try await billing("select coalesce(sum(amount), 0) from entry"), .equal(0))
        bench.require("held_kopecks", try await billing("select coalesce(sum(held), 0) from account"), .equal(0))
        // Both sides as one text each: job, amount.
        let charges = try await rows(
            .billing,
            "select job_id, -sum(amount) from entry where account > 0 and kind = 'charge' group by 1 order by 1"
        )
        let jobs = try await rows(
            .generation,
            "select job_id, charged_kopecks from job where charged_kopecks > 0 order by 1"
        )
        bench.require(
            "charges_that_differ",
            Double(Set(charges).symmetricDifference(jobs).count),
            .equal(0)
        )
        bench.require(
            "jobs_charged_twice",
            try await billing(
                """
                select count(*) from (select job_id from entry where account > 0 and kind = 'charge'
                    group by 1 having count(*) > 1) as doubled
                """
            ),
            .equal(0)
        )
    }

    /// One hold a confirm, of which each job settled its own part exactly once and for what it says.
    private func judgeGroups(_ bench: inout Bench) async throws {
        let groups = try await rows(.generation, "select group_id, price_kopecks from job_group order by 1")
        let holds = try await rows(.billing, "select id, amount from hold order by 1")
        bench.note("groups", Double(groups.count))
        bench.require("groups_without_their_hold", Double(Set(groups).subtracting(holds).count), .equal(0))
        let parts = try await rows(.billing, "select part, amount, charged from hold_part order by 1")
        let settled = try await rows(
            .generation,
            "select job_id, price_kopecks, charged_kopecks from job where group_id is not null order by 1"
        )
        bench.require("parts_that_differ", Double(Set(parts).symmetricDifference(settled).count), .equal(0))
        bench.require("parts_settled_twice", Double(parts.count - Set(parts).count), .equal(0))
        bench.require(
            "stages_begun_without_the_one_before",
            try await system.number(
                .generation,
                """
                select count(*) from job join job as before
                    on before.group_id = job.group_id and before.copy = job.copy and before.stage = job.stage - 1
                where job.attempt_id is not null and (before.verdict <> 'succeeded' or before.is_late)
                """
            ),
            .equal(0)
        )
    }

    /// One callback address belongs to one attempt, so that two tasks with the same one are a double submission.
    private func judgeProvider(_ bench: inout Bench) async throws {
        let tasks = try await system.sandbox.tasks()
        var uses: [String: Int] = [:]
        for task in tasks {
            uses[task["callback_url"]?.string ?? "none", default: 0] += 1
        }
        bench.note("tasks", Double(tasks.count))
        let submitted = try await system.number(.generation, "select count(*) from job where attempt_id is not null")
        bench.require("tasks_seen", Double(tasks.count), .atLeast(submitted))
        bench.require("tasks_without_callback_address", Double(uses["none"] ?? 0), .equal(0))
        bench.require("attempts_with_two_tasks", Double(uses.values.count { $0 > 1 }), .equal(0))
    }

    private func judgeChats(_ bench: inout Bench) async throws {
        let (missing, doubled) = try await results()
        bench.require("results_missing_in_chats", Double(missing), .equal(0))
        bench.note("results_doubled_in_chats", Double(doubled))
    }

    /// Media in the chats, where each succeeded job's result is to be once.
    func results() async throws -> (missing: Int, doubled: Int) {
        var (missing, doubled) = (0, 0)
        let wanted = try await rows(
            .generation,
            "select user_id, count(*) from job where verdict = 'succeeded' group by 1 order by 1"
        )
        for row in wanted {
            let fields = row.split(separator: "|")
            guard let chat = fields.first, let count = fields.last.flatMap({ Int($0) }) else { continue }
            let messages = try await system.sandbox.get("/sandbox/chats/\(chat)")["messages"]?.array ?? []
            let media = messages.count {
                $0["media"]?.object != nil && $0["is_bot"] == true && $0["deleted"] != true
            }
            missing += max(0, count - media)
            doubled += max(0, media - count)
        }
        return (missing, doubled)
    }

    private func billing(_ sql: String) async throws -> Double { try await system.number(.billing, sql) }

    private func rows(_ service: ServiceName, _ sql: String) async throws -> [String] {
        try await system.rig.psql(sql, database: Provisioning.database(service)).split(separator: "\n").map(String.init)
    }
}
