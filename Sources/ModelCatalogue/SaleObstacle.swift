package import Contracts

/// Why a model is not sold.
package enum SaleObstacle: Sendable, Equatable {
    /// The file says so.
    case withheld(LocalizedText, successor: String?)
    case noPrice
    /// No smoke run of the request as the file has it now.
    case notSmoked(String)
    /// The model that this one stands in for is sold.
    case spare(of: String)
    /// The file was removed; jobs under way go on.
    case retired
    /// The operator's configuration takes it out.
    case switchedOff
    /// Sales were stopped while running: the cost would pass the price, or the provider has withdrawn it.
    case stopped(String)
    /// Hidden after repeated failures of the provider; tried again by itself.
    case unwell

    /// For the operator, in English.
    package var text: String {
        switch self {
        case .withheld(let reason, let successor): reason.en + (successor.map { " Use \($0)." } ?? "")
        case .noPrice: "No price is known."
        case .notSmoked(let reason): reason
        case .spare(let main): "Spare: sold while \(main) is not."
        case .retired: "The file was removed."
        case .switchedOff: "Switched off by ATELIER_DISABLED_MODELS."
        case .stopped(let reason): reason
        case .unwell: "Rests after repeated failures of the provider; tried again by itself."
        }
    }

    /// A word for metrics and lists.
    package var code: String {
        switch self {
        case .withheld: "withheld"
        case .noPrice: "no_price"
        case .notSmoked: "not_smoked"
        case .spare: "spare"
        case .retired: "retired"
        case .switchedOff: "switched_off"
        case .stopped: "stopped"
        case .unwell: "unwell"
        }
    }

    /// All words.
    package static let codes = [
        "withheld", "no_price", "not_smoked", "spare", "retired", "switched_off", "stopped", "unwell",
    ]
}

/// What takes models out of sale while a service runs.
package struct SalesControl: Sendable, Equatable {
    /// Slugs, by configuration.
    package var switchedOff: Set<String>
    /// Reasons by slug, or by slug and row of the price table as `slug#row`.
    package var stopped: [String: String]
    /// Slugs of models that rest after repeated failures.
    package var unwell: Set<String> = []
    /// Whether models are sold before their smoke run; for the smoke run itself.
    package var sellsUntried: Bool
    /// Whether spares are sold beside their main models; for the smoke run too.
    package var sellsSpares: Bool

    package init(
        switchedOff: Set<String> = [],
        stopped: [String: String] = [:],
        sellsUntried: Bool = false,
        sellsSpares: Bool = false
    ) {
        self.sellsSpares = sellsSpares
        self.switchedOff = switchedOff
        self.stopped = stopped
        self.sellsUntried = sellsUntried
    }

    /// The key of a stop of one row of the price table.
    package static func key(_ slug: String, row: String) -> String { "\(slug)#\(row)" }
}
