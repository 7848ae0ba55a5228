internal import Contracts
internal import LocalSystem
internal import ModelCatalogue

/// Checks every model file, and counts what is priced.
struct ModelsLint: Sendable {
    let folder: String

    func run() throws -> Int32 {
        let catalogue: Catalogue
        do {
            catalogue = try Catalogue.load(folder)
        } catch {
            throw OperatorError("The folder \(folder) can't be read.", "Name it with --models.")
        }
        let complaints = catalogue.refused + catalogue.looseEnds
        for complaint in complaints { Console.complain("\(folder)/\(complaint.text)") }
        Console.say(Self.report(catalogue))
        return complaints.isEmpty ? 0 : 1
    }

    /// What the folder holds, in figures.
    static func report(_ catalogue: Catalogue) -> String {
        var states: [String: Int] = [:]
        for entry in catalogue.entries {
            states[catalogue.obstacle(to: entry, SalesControl())?.code ?? "sold", default: 0] += 1
        }
        let sold = catalogue.entries.filter { catalogue.obstacle(to: $0, SalesControl()) == nil }
        let priced = catalogue.entries.reduce(0) { $0 + PriceCheck.combinationCount($1) }
        let rows = catalogue.entries.reduce(0) { $0 + ($1.price?.rows.count ?? 0) }
        let bounds = catalogue.entries.filter {
            $0.price?.bound != nil || $0.price?.rows.contains { $0.bound != nil } == true
        }
        let others = states.filter { $0.key != "sold" }.sorted { $0.key < $1.key }
            .map { "\($0.value) \($0.key.replacing("_", with: " "))" }
        var lines = [
            "\(catalogue.entries.count) models: \(sold.count) on sale"
                + (others.isEmpty ? "" : ", " + others.joined(separator: ", ")),
            "\(priced) priced combinations from \(rows) price rows; \(bounds.count) models have prices that are bounds",
        ]
        if !catalogue.refused.isEmpty { lines.append("\(catalogue.refused.count) files are refused") }
        let tasks = ModelTask.allCases.compactMap { task -> String? in
            let count = sold.count { $0.tasks.contains(task) }
            return count == 0 ? nil : "\(task.rawValue) \(count)"
        }
        lines.append("on sale by task: " + tasks.joined(separator: ", "))
        return lines.joined(separator: "\n")
    }
}
