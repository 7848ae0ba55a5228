internal import Contracts
internal import Jobs
internal import Postgres
internal import Time

/// A group as it is stored; its jobs are rows of their own.
struct GroupRow: Sendable {
    var groupID: GroupID
    var key: String
    var fingerprint: [UInt8]
    var userID: UserID
    var chatID: ChatID
    var quoteID: QuoteID
    var prompt: String?
    var copies: Int
    var stages: Int
    var priceKopecks: Int64
    var revision: Int64 = 0
    var createdAt: Timestamp

    static let columns: StaticString = """
        group_id, key, fingerprint, user_id, chat_id, quote_id, prompt, copies, stages, price_kopecks, revision, created_at
        """

    /// The group as other services see it.
    ///
    /// - Parameter jobs: All of its jobs, in any order.
    func published(_ jobs: [JobRow]) -> JobGroup {
        let ordered = jobs.sorted {
            ($0.seat?.copy ?? 0, $0.seat?.stage ?? 0) < ($1.seat?.copy ?? 0, $1.seat?.stage ?? 0)
        }
        return JobGroup(
            groupID: groupID,
            userID: userID,
            chatID: chatID,
            prompt: prompt,
            copies: copies,
            stages: stages,
            priceKopecks: priceKopecks,
            chargedKopecks: ordered.compactMap(\.chargedKopecks).reduce(0, +),
            revision: revision,
            parts: ordered.map(\.part),
            createdAt: createdAt
        )
    }
}

extension GroupRow {
    /// - Throws: `PostgresError` for a row that this build can't have written.
    init(row: Row) throws {
        self.init(
            groupID: try row.get("group_id"),
            key: try row.get("key"),
            fingerprint: try row.get("fingerprint"),
            userID: try row.get("user_id"),
            chatID: try row.get("chat_id"),
            quoteID: try row.get("quote_id"),
            prompt: try row.get("prompt"),
            copies: try row.get("copies"),
            stages: try row.get("stages"),
            priceKopecks: try row.get("price_kopecks"),
            revision: try row.get("revision"),
            createdAt: try row.get("created_at")
        )
    }
}

/// A job's seat in its group.
struct GroupSeat: Sendable, Equatable {
    var groupID: GroupID
    var copy: Int
    var copies: Int
    var stage: Int
    var stages: Int
    /// The input that takes the first result of the stage before; nil for a first stage.
    var feeds: String?

    var member: GroupMember { GroupMember(copy: copy, stage: stage) }
    var place: GroupPlace {
        GroupPlace(groupID: groupID, copy: copy, copies: copies, stage: stage, stages: stages)
    }
}

extension GroupSeat {
    /// - Returns: nil for a job by itself.
    static func read(_ row: Row) throws -> GroupSeat? {
        guard let group = try row.get("group_id", as: GroupID?.self) else { return nil }
        return GroupSeat(
            groupID: group,
            copy: try row.get("copy"),
            copies: try row.get("copies"),
            stage: try row.get("stage"),
            stages: try row.get("stages"),
            feeds: try row.get("feeds")
        )
    }
}

extension JobRow {
    /// The job as a part of its group.
    var part: GroupPart {
        GroupPart(
            jobID: jobID,
            copy: seat?.copy ?? 1,
            stage: seat?.stage ?? 1,
            modelTitle: modelTitle,
            output: output,
            state: progress.published,
            priceKopecks: priceKopecks,
            chargedKopecks: chargedKopecks,
            failure: progress.step == .ended || progress.step == .late ? progress.failure : nil,
            typicalSeconds: typicalSeconds
        )
    }

    /// What of the hold belongs to the job; nil where the hold is its own.
    var holdPart: HoldPart? {
        seat.map { _ in HoldPart(partID: jobID.description, amountKopecks: priceKopecks) }
    }
}
