internal import Contracts
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Makes the rows of what a quote was accepted for, and says whether its user may have them now.
struct JobAdmission: Sendable {
    let tools: Toolbox

    /// A worker leaves a new row to its caller for this long.
    private static let reservingPatience = Duration.seconds(5)

    /// The quote that a call names.
    ///
    /// - Throws: `quote_not_found`, `quote_expired`.
    func quote(_ id: QuoteID, of userID: UserID) async throws -> QuoteRow {
        guard let quoted = try await tools.quotes.find(id), quoted.userID == userID else {
            throw Problem(.quoteNotFound, "there is no such quote of this user")
        }
        guard quoted.quote.expiresAt > tools.clock.now else { throw Problem(.quoteExpired, "the quote has expired") }
        return quoted
    }

    /// Whose a new job is, and for what.
    struct Order: Sendable {
        var jobID: JobID
        var key: String
        var fingerprint: [UInt8]
        var quoteID: QuoteID
        var userID: UserID
        var chatID: ChatID
        var priority: Int?
        /// For all jobs of a group the same moment.
        var createdAt: Timestamp
    }

    /// - Throws: `model_unavailable`, or `malformed_request` for a priority that is none.
    func row(_ stage: RunPlan.Stage, _ order: Order, credit: TrialCredit? = nil) throws -> JobRow {
        let priority = order.priority ?? 0
        guard (0...9).contains(priority) else { throw ParameterError(name: "priority", reason: "must be 0 to 9") }
        let entry: ModelEntry
        do { entry = try tools.sellable(stage.modelNumber) } catch {
            throw Problem(.modelUnavailable, error.detail)
        }
        let hardLimitAt = order.createdAt + .seconds(entry.hardLimitSeconds)
        var progress = JobProgress(hardLimitAt: hardLimitAt, providerMicrodollars: stage.providerMicrodollars)
        progress.nextAt = order.createdAt + Self.reservingPatience
        return JobRow(
            jobID: order.jobID,
            key: order.key,
            fingerprint: order.fingerprint,
            userID: order.userID,
            chatID: order.chatID,
            quoteID: order.quoteID,
            modelNumber: entry.number,
            modelSlug: entry.slug,
            modelTitle: entry.title.ru,
            output: entry.output,
            inputs: stage.inputs,
            priceKopecks: stage.priceKopecks,
            variant: stage.variant,
            isBound: stage.isBound,
            isFree: entry.isFree,
            creditKopecks: credit?.kopecks ?? 0,
            typicalSeconds: entry.typicalSeconds,
            holdExpiresAt: hardLimitAt + GenerationConfiguration.holdGrace,
            progress: progress,
            priority: priority,
            trace: TraceContext.current,
            createdAt: order.createdAt
        )
    }

    /// Inserts the rows if the user's limits have room for all of them, see `OpenPlaces`.
    ///
    /// - Returns: false if the key or an id is taken.
    /// - Throws: `limit_exceeded`, or `quote_expired` if the quote's trial was credited to another run meanwhile; then
    ///   nothing was inserted.
    func insert(_ jobs: [JobRow], of group: GroupRow? = nil, credit: TrialCredit? = nil) async throws -> Bool {
        do {
            return try await admit(jobs, of: group, credit: credit)
        } catch let error as PostgresError where error.code == .uniqueViolation(constraint: "trial_credit_pkey") {
            throw Problem(.quoteExpired, "the trial was credited to another run")
        }
    }

    private func admit(_ jobs: [JobRow], of group: GroupRow?, credit: TrialCredit?) async throws -> Bool {
        let (configuration, clock) = (tools.configuration, tools.clock)
        let dayBegan = Timestamp(microseconds: clock.now.microseconds / 86_400_000_000 * 86_400_000_000)
        let wholeDay = dayBegan + .seconds(86_400) - clock.now
        let wanted = OpenPlaces.wanted(by: jobs.map { $0.seat?.stage })
        let free = jobs.filter(\.isFree)
        let freeMicrodollars = free.map(\.progress.providerMicrodollars).reduce(0, +)
        return try await tools.jobs.insert(jobs, of: group, credit: credit, dayBegan: dayBegan) { usage in
            guard usage.openPlaces + wanted <= configuration.maximumOpenJobs else {
                throw Self.limit("open_jobs", configuration.maximumOpenJobs, retryAfter: .seconds(30))
            }
            guard free.isEmpty || usage.freeRuns + free.count <= configuration.freeRunsPerDay else {
                throw Self.limit("free_runs_per_day", configuration.freeRunsPerDay, retryAfter: wholeDay)
            }
            let cost = configuration.pricing.costKopecks(usage.freeMicrodollars + freeMicrodollars)
            guard free.isEmpty || cost <= configuration.freeKopecksPerDay else {
                let roubles = Int(configuration.freeKopecksPerDay / 100)
                throw Self.limit("free_budget_per_day", roubles, retryAfter: wholeDay)
            }
        }
    }

    private static func limit(_ name: String, _ value: Int, retryAfter: Duration) -> Problem {
        Problem(
            .limitExceeded,
            "the limit \(name) is reached",
            members: ["limit": .string(name), "limit_value": .integer(Int64(value))],
            retryAfterSeconds: Int(max(1, retryAfter.inSeconds.rounded(.up)))
        )
    }
}
