internal import Contracts
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import Time

/// A quote as it is stored.
struct QuoteRow: Sendable {
    var quote: Quote
    var key: String
    var fingerprint: [UInt8]
    var userID: UserID
    var inputs: RunInputs
    var providerMicrodollars: Int64
    /// For more than one run; nil for a run by itself.
    var plan: RunPlan?
    /// The trial that the price is less by.
    var credit: TrialCredit?

    /// The quote as the plan of one run.
    var single: RunPlan {
        RunPlan(
            copies: 1,
            stages: [
                RunPlan.Stage(
                    modelNumber: quote.modelNumber,
                    inputs: inputs,
                    priceKopecks: quote.priceKopecks,
                    variant: quote.variant,
                    isBound: quote.isBound ?? false,
                    providerMicrodollars: providerMicrodollars
                )
            ]
        )
    }
}

/// The SQL of quotes.
struct QuoteStore: Sendable {
    let database: Database

    /// - Returns: false if the key is taken.
    func insert(_ row: QuoteRow) async throws -> Bool {
        let inputs = try StoredJSON.encode(row.inputs)
        let answer = try StoredJSON.encode(row.quote)
        let plan = try row.plan.map { try StoredJSON.encode($0) }
        let quote = row.quote
        return try await database.execute(
            """
            insert into quote (quote_id, key, fingerprint, user_id, model_number, inputs, price_kopecks, variant,
                provider_microdollars, answer, expires_at, plan, trial_job_id, credit_kopecks)
            values (\(quote.quoteID), \(row.key), \(row.fingerprint), \(row.userID), \(quote.modelNumber), \(inputs),
                \(quote.priceKopecks), \(quote.variant), \(row.providerMicrodollars), \(answer), \(quote.expiresAt),
                \(plan), \(row.credit?.trialJobID), \(row.credit?.kopecks))
            on conflict (key) do nothing
            """
        ) == 1
    }

    func find(_ id: QuoteID) async throws -> QuoteRow? {
        try await database.query("select \(unsafe: columns) from quote where quote_id = \(id)").first.map(Self.read)
    }

    func find(key: String) async throws -> QuoteRow? {
        try await database.query("select \(unsafe: columns) from quote where key = \(key)").first.map(Self.read)
    }

    /// Deletes quotes that ended long ago, some at a time.
    ///
    /// - Returns: How many.
    func sweep(olderThan age: Duration, atMost limit: Int) async throws -> Int {
        let seconds = age.inSeconds
        return try await database.execute(
            """
            delete from quote where quote_id in (
                select quote_id from quote where expires_at < now() - \(seconds) * interval '1 second' limit \(limit))
            """
        )
    }

    private let columns: StaticString =
        "key, fingerprint, user_id, inputs, provider_microdollars, answer, plan, trial_job_id, credit_kopecks"

    init(database: Database) {
        self.database = database
    }

    private static func read(_ row: Row) throws -> QuoteRow {
        let (key, fingerprint, user, inputs, cost, answer, plan, trial, kopecks) = try row.decode(
            String.self,
            [UInt8].self,
            Int64.self,
            String.self,
            Int64.self,
            String.self,
            String?.self,
            JobID?.self,
            Int64?.self
        )
        return QuoteRow(
            quote: try StoredJSON.decode(Quote.self, answer),
            key: key,
            fingerprint: fingerprint,
            userID: user,
            inputs: try StoredJSON.decode(RunInputs.self, inputs),
            providerMicrodollars: cost,
            plan: try plan.map { try StoredJSON.decode(RunPlan.self, $0) },
            credit: trial.flatMap { trial in kopecks.map { TrialCredit(trialJobID: trial, kopecks: $0) } }
        )
    }
}
