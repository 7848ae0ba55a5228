internal import Contracts
internal import Foundation
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import Telemetry
internal import Time

/// A job as it is stored.
struct JobRow: Sendable {
    var jobID: JobID
    var key: String
    var fingerprint: [UInt8]
    var userID: UserID
    var chatID: ChatID
    var quoteID: QuoteID
    var modelNumber: Int
    var modelSlug: String
    var modelTitle: String
    var output: MediaKind
    var inputs: RunInputs
    var priceKopecks: Int64
    var variant: String
    /// Whether the price is a bound, settled by what the provider reports.
    var isBound = false
    var isFree: Bool
    /// Where it stands among the jobs of its confirm; nil for a job by itself.
    var seat: GroupSeat?
    /// What the hold is placed with, where it covers other jobs too; nil: the job's own price.
    var holdKopecks: Int64?
    /// What of the run's price its trial has paid already.
    var creditKopecks: Int64 = 0
    var typicalSeconds: Int
    var holdExpiresAt: Timestamp
    var progress: JobProgress
    var attemptID: UUID?
    var chargedKopecks: Int64?
    var refusal: Problem?
    /// 0...9, of the user's tier.
    var priority = 0
    var fence: Int64 = 0
    /// Whether a worker had it when it was read.
    var isLeased = false
    var trace: TraceContext?
    var createdAt: Timestamp
    /// When a later stage began; nil for a job that began when it was created.
    var beganAt: Timestamp?
    /// When the verdict came that is being settled.
    var decidedAt: Timestamp?
    var endedAt: Timestamp?

    /// The columns in the order in which `init(row:)` asks for them by name.
    static let columns: StaticString = """
        job_id, key, fingerprint, user_id, chat_id, quote_id, model_number, model_slug, model_title, output, inputs,
        price_kopecks, variant, provider_microdollars, is_bound, is_free, group_id, copy, copies, stage, stages, feeds,
        hold_kopecks, credit_kopecks, began_at, typical_seconds, hold_expires_at, hard_limit_at, step,
        verdict, failure, attempt, postponements, is_resubmitted, is_waiting_for_slot, is_late, next_at, attempt_id,
        charged_kopecks, refusal, fence, coalesce(lease_until > now(), false) as is_leased, traceparent, created_at,
        decided_at, ended_at
        """

    /// The hold has the job's own id, or its group's: one confirm, one hold.
    var holdID: HoldID { HoldID(seat?.groupID.uuid ?? jobID.uuid) }
    var holdKey: String { "job:\(jobID):hold" }
    var extensionKey: String { "job:\(jobID):extend" }
    /// Charge and release share one key, since a hold ends once.
    var endKey: String { "job:\(jobID):end" }
    /// The lane of the job's facts; those of a group stay in order among each other.
    var lane: String { seat.map { "group:\($0.groupID)" } ?? "job:\(jobID)" }

    /// The price of the run without a trial.
    var fullKopecks: Int64 { priceKopecks + creditKopecks }

    /// The job as other services see it.
    func published(_ assets: [Asset]) -> Job {
        Job(
            jobID: jobID,
            userID: userID,
            chatID: chatID,
            modelNumber: modelNumber,
            modelSlug: modelSlug,
            modelTitle: modelTitle,
            state: progress.published,
            prompt: inputs.prompt,
            priceKopecks: priceKopecks,
            chargedKopecks: chargedKopecks,
            attempt: progress.attempt,
            attemptsMaximum: RetryPolicy.attemptsMaximum,
            failure: progress.step == .ended || progress.step == .late ? progress.failure : nil,
            assets: progress.published == .succeeded ? assets : [],
            typicalSeconds: typicalSeconds,
            createdAt: createdAt,
            endedAt: endedAt,
            group: seat?.place
        )
    }
}

extension JobRow {
    /// - Throws: `PostgresError` or `DecodingError` for a row that this build can't have written.
    init(row: Row) throws {
        let progress = JobProgress(
            step: try row.get("step"),
            verdict: try row.get("verdict"),
            failure: try row.get("failure", as: String?.self).flatMap(JobFailure.init(rawValue:)),
            attempt: try row.get("attempt"),
            postponements: try row.get("postponements"),
            isResubmitted: try row.get("is_resubmitted"),
            isWaitingForSlot: try row.get("is_waiting_for_slot"),
            isLate: try row.get("is_late"),
            nextAt: try row.get("next_at"),
            hardLimitAt: try row.get("hard_limit_at"),
            providerMicrodollars: try row.get("provider_microdollars")
        )
        let output: String = try row.get("output")
        let inputs: String = try row.get("inputs")
        let refusal: String? = try row.get("refusal")
        self.init(
            jobID: try row.get("job_id"),
            key: try row.get("key"),
            fingerprint: try row.get("fingerprint"),
            userID: try row.get("user_id"),
            chatID: try row.get("chat_id"),
            quoteID: try row.get("quote_id"),
            modelNumber: try row.get("model_number"),
            modelSlug: try row.get("model_slug"),
            modelTitle: try row.get("model_title"),
            output: MediaKind(rawValue: output) ?? .image,
            inputs: try StoredJSON.decode(RunInputs.self, inputs),
            priceKopecks: try row.get("price_kopecks"),
            variant: try row.get("variant"),
            isBound: try row.get("is_bound"),
            isFree: try row.get("is_free"),
            seat: try GroupSeat.read(row),
            holdKopecks: try row.get("hold_kopecks"),
            creditKopecks: try row.get("credit_kopecks"),
            typicalSeconds: try row.get("typical_seconds"),
            holdExpiresAt: try row.get("hold_expires_at"),
            progress: progress,
            attemptID: try row.get("attempt_id"),
            chargedKopecks: try row.get("charged_kopecks"),
            refusal: try refusal.map { try StoredJSON.decode(Problem.self, $0) },
            fence: try row.get("fence"),
            isLeased: try row.get("is_leased"),
            trace: try row.get("traceparent", as: String?.self).flatMap { TraceContext(traceparent: $0) },
            createdAt: try row.get("created_at"),
            beganAt: try row.get("began_at"),
            decidedAt: try row.get("decided_at"),
            endedAt: try row.get("ended_at")
        )
    }
}

/// JSON in text columns and in calls to the provider. Keys of dictionaries, which are the provider's names, stay as they
/// are.
enum StoredJSON {
    /// - Throws: `EncodingError` only for a non-finite number.
    static func encode(_ value: some Encodable) throws -> String {
        String(decoding: try ContractJSON.encode(value), as: UTF8.self)
    }

    /// - Throws: `DecodingError` for another shape.
    static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try ContractJSON.decode(type, from: text.utf8)
    }
}
