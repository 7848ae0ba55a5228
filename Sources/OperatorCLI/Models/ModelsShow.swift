internal import Contracts
internal import LocalSystem
internal import ModelCatalogue

/// Shows one model with everything that users and the provider see of it.
struct ModelsShow: Sendable {
    let catalogue: Catalogue
    let pricing: Pricing
    let control: SalesControl

    func run(_ words: [String]) throws -> Int32 {
        guard let name = words.first, words.count == 1 else {
            Console.complain(ModelsCommand.usage)
            return 2
        }
        Console.say(try text(try catalogue.named(name)))
        return 0
    }

    func text(_ entry: ModelEntry) throws -> String {
        let obstacle = catalogue.obstacle(to: entry, control)
        var lines = [
            "\(entry.number)  \(entry.slug)  \(entry.title.ru) · \(entry.title.en)", entry.summary.ru,
            "", obstacle.map { "not on sale: \($0.text)" } ?? "on sale",
            "tasks: \(entry.tasks.map(\.rawValue).joined(separator: ", ")); makes \(entry.output.rawValue)",
            "usually \(entry.typicalSeconds) s, promised \(entry.promisedSeconds) s, given up after \(entry.hardLimitSeconds) s",
            "route: \(entry.route.family.rawValue) \(entry.route.create) as \(entry.route.model)",
        ]
        if !entry.aliases.isEmpty { lines.append("also called \(entry.aliases.joined(separator: ", "))") }
        if !entry.fixed.isEmpty { lines.append("always sent: \(Self.fixed(entry))") }
        if !entry.followUps.isEmpty { lines.append("its result goes into \(entry.followUps.joined(separator: ", "))") }
        lines += [
            "", TextTable([["input", "kind", "asked as", "default", "limits"]] + entry.inputs.map(Self.row)).text,
        ]
        for rule in entry.impossible {
            let parts = rule.sorted { $0.key < $1.key }.map { "\($0.key)=\(InputValidation.optionText($0.value))" }
            lines.append("not together: \(parts.joined(separator: ", "))")
        }
        lines += prices(entry)
        return lines.joined(separator: "\n")
    }

    private static func fixed(_ entry: ModelEntry) -> String {
        entry.fixed.sorted { $0.key < $1.key }.map { name, value in
            let text = InputValidation.optionText(value)
            return "\(name)=\(text.isEmpty ? "…" : text)"
        }.joined(separator: ", ")
    }

    private static func row(_ facts: InputFacts) -> [String] {
        let input = facts.input
        var limits: [String] = []
        if !input.options.isEmpty {
            limits.append(input.options.map(InputValidation.optionText).joined(separator: " "))
        }
        if let low = input.minimum, let high = input.maximum { limits.append("\(shown(low))…\(shown(high))") }
        if let most = input.maximumLength { limits.append("\(facts.minimumLength ?? 0)…\(most) characters") }
        if let most = input.maximumItems { limits.append("\(input.minimumItems ?? 1)…\(most) files") }
        if !facts.accepts.isEmpty { limits.append(facts.accepts.joined(separator: " ")) }
        if let most = input.maximumFileMegabytes, facts.sends == .address { limits.append("\(most) MB") }
        if let most = facts.maximumSeconds { limits.append("\(facts.minimumSeconds ?? 0)…\(most) s") }
        if facts.sends == .task { limits.append("a result of \(facts.from.joined(separator: ", "))") }
        return [
            input.name + (input.isRequired ? " *" : ""), input.kind.rawValue, input.label.ru,
            input.defaultValue.map(InputValidation.optionText) ?? "", limits.joined(separator: ", "),
        ]
    }

    private static func shown(_ number: Double) -> String {
        Int64(exactly: number).map { String($0) } ?? String(number)
    }

    private func prices(_ entry: ModelEntry) -> [String] {
        guard let price = entry.price else { return ["", "no price is known"] }
        var rows = [["price row", "credits", "for us", "for users", ""]]
        for row in price.rows {
            let microdollars = row.millicredits * PriceTable.microdollarsPerMillicredit
            rows.append([
                row.name, Roubles.credits(row.millicredits), Roubles.dollars(microdollars),
                entry.isFree ? "free" : Roubles.text(pricing.kopecks(microdollars)),
                row.bound.map { "at most: \($0)" } ?? "",
            ])
        }
        let by = price.quantity.isEmpty ? "" : " by \(price.quantity.joined(separator: " + "))"
        let bound = price.bound.map { ", at most \($0)" } ?? ""
        var lines = [
            "", TextTable(rows).text, "per \(price.unit.rawValue)\(by)\(bound); \(price.source), \(price.date)",
        ]
        for extra in price.surcharges {
            lines.append(
                "each of \(extra.input) beyond \(extra.beyond): \(Roubles.credits(extra.millicredits)) credits"
            )
        }
        lines.append("\(PriceCheck.combinationCount(entry)) priced combinations")
        return lines
    }
}
