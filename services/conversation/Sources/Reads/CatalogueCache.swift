internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import ServiceKit
internal import Telemetry
internal import Time

/// The newest lists of models and payment options that generation and payments have given us, so that a turn needs no
/// call for them. A list that can't be refreshed stays in use.
final class CatalogueCache: Worker {
    private struct State {
        var catalogue = Catalogue.empty
        var templates: [Template] = []
        var options: GetPaymentOptions.Output?
    }

    /// How old a list may get. Two hundred models cost both sides milliseconds of work, and what counts for a price is the
    /// quote.
    static let refreshInterval = Duration.seconds(30)
    /// How soon after a failure a list is asked for again.
    static let retryInterval = Duration.seconds(1)
    /// How long a start waits for the lists: services start in any order, and a second later they are usually there.
    static let startPatience = Duration.seconds(2)

    let name = "catalogue.refresh"
    private let state = Locked(State())
    private let generation: InternalClient
    private let payments: InternalClient
    private let loop: EventLoop
    private let log: Log
    private let refreshes: Counter

    init(_ context: ServiceContext) {
        generation = context.client(for: .generation)
        payments = context.client(for: .payments)
        loop = context.loop
        log = context.log
        refreshes = context.metrics.counter(
            "atelier_conversation_catalogue_refreshes_total",
            "Tries to refresh cached lists.",
            labels: ["list", "outcome"]
        )
    }

    var catalogue: Catalogue {
        state.withLock { state in
            var catalogue = state.catalogue
            catalogue.templates = state.templates
            return catalogue
        }
    }
    var paymentOptions: GetPaymentOptions.Output? { state.withLock { $0.options } }

    func run() async throws {
        while !Task.isCancelled {
            let isComplete = await refresh()
            try await loop.sleep(for: isComplete ? Self.refreshInterval : Self.retryInterval)
        }
    }

    /// Asks until both lists are there or the patience of a start is over.
    func waitForLists() async throws {
        let deadline = Deadline.after(Self.startPatience)
        while await !refresh(), !deadline.isExpired { try await loop.sleep(for: .milliseconds(50)) }
    }

    /// The models for a turn: without any, generation is asked once more first, for a user who would see an empty shop.
    func catalogueForTurn() async -> Catalogue {
        if catalogue.isEmpty { _ = await refreshModels(within: Reader.patience) }
        return catalogue
    }

    /// Asks both services at the same time.
    ///
    /// - Returns: Whether both answered.
    @discardableResult
    func refresh() async -> Bool {
        async let models = refreshModels()
        async let options = refreshOptions()
        async let templates: Void = refreshTemplates()
        await templates
        return await (models, options) == (true, true)
    }

    private func refreshModels(within timeout: Duration = .seconds(3)) async -> Bool {
        do {
            let list = try await generation.call(ListModels.self, timeout: timeout)
            let known = catalogue
            if list.revision != known.revision || known.isEmpty
                || list.translatesPrompts ?? false != known.translatesPrompts
            {
                let catalogue = Catalogue(list)
                state.withLock { $0.catalogue = catalogue }
                log.info("catalogue taken over", [.count: .int(list.models.count)])
            }
            refreshes.increment("models", "ok")
            return !list.models.isEmpty
        } catch {
            refreshes.increment("models", "failed")
            return false
        }
    }

    /// Nothing waits for templates: without them the composer says less.
    private func refreshTemplates() async {
        do {
            let list = try await generation.call(ListTemplates.self, timeout: .seconds(3))
            state.withLock { $0.templates = list.templates }
            refreshes.increment("templates", "ok")
        } catch {
            refreshes.increment("templates", "failed")
        }
    }

    private func refreshOptions() async -> Bool {
        do {
            let options = try await payments.call(GetPaymentOptions.self, timeout: .seconds(3))
            state.withLock { $0.options = options }
            refreshes.increment("payment_options", "ok")
            return true
        } catch {
            refreshes.increment("payment_options", "failed")
            return false
        }
    }
}
