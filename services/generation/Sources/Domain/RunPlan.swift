internal import Contracts
internal import ModelCatalogue

/// What a quote is for if it is for more than one run: copies of a chain.
struct RunPlan: Sendable, Equatable, Codable {
    var copies: Int
    /// Of one copy, in order; at least one.
    var stages: [Stage]

    static let maximumCopies = 10
    static let maximumStages = 5

    /// One run of the chain, priced.
    struct Stage: Sendable, Equatable, Codable {
        var modelNumber: Int
        var inputs: RunInputs
        /// The input that takes the first result of the stage before; nil for the first stage.
        var feeds: String?
        var priceKopecks: Int64
        var variant: String
        var isBound: Bool
        var providerMicrodollars: Int64
    }

    /// What all copies cost at most.
    var priceKopecks: Int64 { stages.map(\.priceKopecks).reduce(0, +) * Int64(copies) }

    var isSingle: Bool { copies == 1 && stages.count == 1 }
}

extension ModelEntry {
    /// The input that the result of an earlier stage goes into: a required one that the user left empty, else the first
    /// with room; nil if the model takes no such file.
    ///
    /// - Parameter slug: The model that makes the file.
    func inputFed(with kind: MediaKind, from slug: String, beside media: [String: [MediaReference]]) -> String? {
        let takers = inputs.filter { facts in
            facts.input.media == kind && (facts.input.kind == .file || facts.input.kind == .files)
                && (facts.from.isEmpty ? facts.sends == .address : facts.from.contains(slug))
        }
        func count(_ facts: InputFacts) -> Int { media[facts.input.name]?.count ?? 0 }
        func room(_ facts: InputFacts) -> Int { facts.input.kind == .files ? facts.input.maximumItems ?? 1 : 1 }
        let taker = takers.first { $0.input.isRequired && count($0) == 0 } ?? takers.first { count($0) < room($0) }
        return taker?.input.name
    }
}
