internal import Contracts
internal import Cryptography
internal import LocalSystem
internal import ServiceKit

/// What the running generation has found by itself: why models are not sold, and what differs at the provider.
struct StoredDrift: Sendable {
    let access: OperatorAccess

    /// - Parameter wanted: Parts of slugs; none means all.
    /// - Throws: `OperatorError` if nobody answers.
    func list(_ wanted: [String]) async throws -> [ModelDrift] {
        let all = try await access.with(.generation) { try await $0.call(ListDrift.self).models }
        return all.filter { model in wanted.isEmpty || wanted.contains { model.modelSlug.contains($0) } }
    }

    /// Lets findings be forgotten and stopped rows be sold again.
    func approve(_ slugs: [String]) async throws -> ApproveDrift.Output {
        try await access.with(.generation) { generation in
            // A new key each time: asking again means it.
            try await generation.call(
                ApproveDrift.self,
                ApproveDrift.Input(modelSlugs: slugs),
                key: "drift:\(Hex.encode(secureRandom(8)))"
            )
        }
    }

    /// A line for each thing that is the matter.
    ///
    /// - Parameter isAskedFor: Whether the models were named; then what their files say counts too.
    static func rows(_ models: [ModelDrift], isAskedFor: Bool) -> [[String]] {
        models.flatMap { model -> [[String]] in
            let isByFile = model.obstacle.map { byFile.contains($0) } ?? false
            let state =
                model.obstacle.map { $0.replacing("_", with: " ") } ?? (model.stops.isEmpty ? "sold" : "in part")
            var lines = model.stops.map { "row \($0.row) since \($0.stoppedAt): \($0.reason)" } + model.findings
            if lines.isEmpty, !isByFile || isAskedFor { lines = [model.reason ?? ""] }
            return lines.enumerated().map { [$0 == 0 ? model.modelSlug : "", $0 == 0 ? state : "", $1] }
        }
    }

    static func text(_ models: [ModelDrift], isAskedFor: Bool) -> String {
        let rows = rows(models, isAskedFor: isAskedFor)
        guard !rows.isEmpty else { return "generation has found nothing by itself" }
        return "found by generation itself:\n" + TextTable([["model", "sold?", "why, or what differs"]] + rows).text
    }

    static func text(_ approved: ApproveDrift.Output, stopped: [String]) -> String {
        var text = "in generation, models cleared: \(approved.clearedModels), stops lifted: \(approved.liftedStops)"
        if !stopped.isEmpty {
            text += "\nstays out of sale, since it would be sold at a loss: \(stopped.joined(separator: ", "))"
            text += "\nGive it a new price in its file."
        }
        return text
    }

    /// Obstacles that model files make, which `atelier models list --all` shows.
    private static let byFile: Set<String> = ["withheld", "no_price", "not_smoked", "spare", "retired"]
}
