internal import Contracts
internal import LocalSystem
internal import ModelCatalogue

/// Lists models with their cheapest price, or the reason why they are not sold.
struct ModelsList: Sendable {
    let catalogue: Catalogue
    let pricing: Pricing
    let control: SalesControl

    func run(_ words: [String]) -> Int32 {
        let showsAll = words.contains("--all")
        let wanted = words.filter { $0 != "--all" }.map { $0.lowercased() }
        var rows = [["no", "model", "title", "tasks", "from", "usually", showsAll ? "why not on sale" : ""]]
        for entry in catalogue.entries {
            let obstacle = catalogue.obstacle(to: entry, control)
            let text = ([entry.slug, entry.title.ru, entry.title.en] + entry.aliases + entry.tasks.map(\.rawValue))
                .joined(separator: " ").lowercased()
            guard showsAll || obstacle == nil, wanted.allSatisfy({ text.contains($0) }) else { continue }
            rows.append([
                String(entry.number), entry.slug, entry.title.ru,
                entry.tasks.map(\.rawValue).joined(separator: " "), Self.from(entry, pricing),
                "\(entry.typicalSeconds) s", obstacle?.text ?? "",
            ])
        }
        guard rows.count > 1 else {
            Console.complain("No model fits \(wanted.joined(separator: " ")). atelier models list --all shows all.")
            return 1
        }
        Console.say(TextTable(rows).text)
        Console.say("\(rows.count - 1) of \(catalogue.entries.count) models")
        return 0
    }

    private static func from(_ entry: ModelEntry, _ pricing: Pricing) -> String {
        guard entry.price != nil else { return "—" }
        return entry.isFree ? "free" : Roubles.text(entry.published(pricing).fromKopecks)
    }
}

/// Kopecks for people.
enum Roubles {
    static func text(_ kopecks: Int64) -> String {
        let (roubles, rest) = kopecks.magnitude.quotientAndRemainder(dividingBy: 100)
        let sign = kopecks < 0 ? "−" : ""
        return rest == 0 ? "\(sign)\(roubles) ₽" : "\(sign)\(roubles).\(rest < 10 ? "0" : "")\(rest) ₽"
    }

    /// Millionths of a dollar.
    static func dollars(_ microdollars: Int64) -> String {
        let fraction = String(1_000_000 + microdollars % 1_000_000).dropFirst()
        return "$\(microdollars / 1_000_000).\(fraction)"
    }

    /// Thousandths of a credit.
    static func credits(_ millicredits: Int64) -> String {
        guard millicredits % 1_000 != 0 else { return String(millicredits / 1_000) }
        var fraction = String(1_000 + millicredits % 1_000).dropFirst()
        while fraction.last == "0" { fraction.removeLast() }
        return "\(millicredits / 1_000).\(fraction)"
    }
}
