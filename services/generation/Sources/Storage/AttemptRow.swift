internal import Contracts
internal import Foundation
internal import Jobs
internal import Postgres
internal import Time

/// Where one createTask call stands. Stored as text.
enum AttemptState: String, Sendable, PostgresScalar {
    /// The call is being made, or its process died.
    case submitted
    /// The provider named its task.
    case known
    /// There was no readable answer: a callback may still bring the task home.
    case unknown
    /// Nobody called back in time.
    case forgotten
    case succeeded, failed
}

/// An attempt as it is stored.
struct AttemptRow: Sendable {
    var attemptID: UUID
    var jobID: JobID
    var providerKey: String
    var state: AttemptState
    var taskID: String?
    var hintedTaskID: String?
    var submittedAt: Timestamp
    var waitUntil: Timestamp
    var callbackAt: Timestamp?
    var polls: Int
    var pollsAfterCallback: Int
    /// Readings that told of a success without files.
    var emptyReadings: Int
    var millicredits: Int64?
    var results: [ResultFile]
    var storeTries: Int

    static let columns: StaticString = """
        attempt_id, job_id, provider_key, state, task_id, hinted_task_id, submitted_at, wait_until, callback_at, polls,
        polls_after_callback, empty_readings, millicredits, results, store_tries
        """
}

/// A file of a result on its way into the asset store.
struct ResultFile: Sendable, Equatable, Codable {
    var url: String
    /// Chosen before the file is fetched, so that every try writes the same file.
    var assetID: AssetID
    /// Whether the provider was asked for a new address already.
    var isRefreshed = false
    /// Whether the file can't be had any more.
    var isGone = false
}

extension AttemptRow {
    /// - Throws: `PostgresError` or `DecodingError` for a row that this build can't have written.
    init(row: Row) throws {
        let results: String? = try row.get("results")
        self.init(
            attemptID: try row.get("attempt_id"),
            jobID: try row.get("job_id"),
            providerKey: try row.get("provider_key"),
            state: try row.get("state"),
            taskID: try row.get("task_id"),
            hintedTaskID: try row.get("hinted_task_id"),
            submittedAt: try row.get("submitted_at"),
            waitUntil: try row.get("wait_until"),
            callbackAt: try row.get("callback_at"),
            polls: try row.get("polls"),
            pollsAfterCallback: try row.get("polls_after_callback"),
            emptyReadings: try row.get("empty_readings"),
            millicredits: try row.get("millicredits"),
            results: try results.map { try StoredJSON.decode([ResultFile].self, $0) } ?? [],
            storeTries: try row.get("store_tries")
        )
    }
}
