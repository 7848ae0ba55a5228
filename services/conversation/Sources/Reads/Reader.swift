internal import Contracts
internal import Cryptography
internal import ServiceKit
internal import Telemetry
internal import Time

/// Makes the reads that a turn wants, all at the same time. A read that fails is left out: a screen then says less, and the
/// user is still answered.
struct Reader: Sendable {
    let cache: CatalogueCache
    private let billing: InternalClient
    private let generation: InternalClient
    private let reads: Counter

    /// How long a read may take before the turn goes on without it.
    static let patience = Duration.milliseconds(1_200)
    /// Words take longer to write than to look up; templates stand in for a slow assistant before this.
    static let helpPatience = Duration.seconds(8)

    init(_ context: ServiceContext, cache: CatalogueCache) {
        self.cache = cache
        billing = context.client(for: .billing)
        generation = context.client(for: .generation)
        reads = context.metrics.counter(
            "atelier_conversation_reads_total",
            "Reads that turns wanted.",
            labels: ["read", "outcome"]
        )
    }

    /// - Parameter event: Key of the happening; a quote asked for twice by the same happening is the same quote.
    func read(_ wants: Wants, scene: Scene, event: String) async -> Knowledge {
        guard wants != Wants() else { return Knowledge() }
        async let balance = balance(wants.balance, scene.userID)
        async let quote = quote(wants.quote, scene.userID, event)
        async let help = help(wants.help, scene.userID, event)
        async let jobs = jobs(wants.jobs, scene.userID)
        async let entries = entries(wants.entries, scene.userID)
        return await Knowledge(
            balance: balance,
            quote: quote,
            help: help,
            jobs: jobs,
            entries: entries,
            paymentOptions: wants.paymentOptions ? cache.paymentOptions : nil
        )
    }

    private func balance(_ isWanted: Bool, _ user: UserID) async -> Balance? {
        guard isWanted else { return nil }
        return await attempt("balance") { () async throws(CallError) -> Balance in
            try await billing.call(GetBalance.self, parameters: .init(userID: user), timeout: Self.patience)
        }
    }

    private func jobs(_ isWanted: Bool, _ user: UserID) async -> [Job]? {
        guard isWanted else { return nil }
        return await attempt("jobs") { () async throws(CallError) -> ListJobs.Output in
            let parameters = ListJobs.Parameters(userID: user, limit: 60)
            return try await generation.call(ListJobs.self, parameters: parameters, timeout: Self.patience)
        }?.jobs
    }

    private func entries(_ count: Int, _ user: UserID) async -> [StatementEntry]? {
        guard count > 0 else { return nil }
        return await attempt("entries") { () async throws(CallError) -> ListEntries.Output in
            let parameters = ListEntries.Parameters(userID: user, limit: count)
            return try await billing.call(ListEntries.self, parameters: parameters, timeout: Self.patience)
        }?.entries
    }

    private func quote(_ draft: Draft?, _ user: UserID, _ event: String) async -> QuoteOutcome? {
        guard let draft else { return nil }
        let input = CreateQuote.Input(
            userID: user,
            modelNumber: draft.modelNumber,
            inputs: draft.inputs,
            media: draft.media,
            copies: draft.copies,
            then: draft.stages.isEmpty ? nil : draft.stages,
            trialJobID: draft.trial
        )
        do throws(CallError) {
            let quote = try await generation.call(
                CreateQuote.self,
                input,
                key: Self.quoteKey(input, event),
                timeout: Self.patience
            )
            reads.increment("quote", "ok")
            return .quoted(quote)
        } catch {
            return refusal(error, "quote").map { .refused($0) } ?? .unavailable
        }
    }

    private func help(_ wish: HelpWish?, _ user: UserID, _ event: String) async -> HelpOutcome? {
        guard let wish else { return nil }
        let input = HelpPrompt.Input(userID: user, kind: wish.kind, text: wish.text, modelNumber: wish.modelNumber)
        do throws(CallError) {
            let answer = try await generation.call(
                HelpPrompt.self,
                input,
                key: "help:\(event)",
                timeout: Self.helpPatience
            )
            reads.increment("help", "ok")
            return .suggested(answer)
        } catch {
            return refusal(error, "help").map { .refused($0) } ?? .unavailable
        }
    }

    /// Names the event and the inputs: a redelivery after a change of the draft is another question.
    static func quoteKey(_ input: CreateQuote.Input, _ event: String) -> String {
        // Encoding fails only for a non-finite number, which no decoded JSON and no parsed text holds.
        let bytes = (try? ContractJSON.encode(input)) ?? []
        let digest = SHA256.hash(bytes).prefix(8).map { ShortCode.text(UInt64($0)) }.joined()
        return "quote:\(event):\(digest)"
    }

    private func attempt<Value: Sendable>(
        _ read: String,
        _ call: () async throws(CallError) -> Value
    ) async -> Value? {
        do throws(CallError) {
            let value = try await call()
            reads.increment(read, "ok")
            return value
        } catch {
            _ = refusal(error, read)
            return nil
        }
    }

    /// Counts a read that failed.
    ///
    /// - Returns: What the other side said, if asking again would not change it.
    private func refusal(_ error: CallError, _ read: String) -> Problem? {
        reads.increment(read, error.problem?.code.rawValue ?? "unreachable")
        return error.problem.flatMap { $0.isRetryable ? nil : $0 }
    }
}
