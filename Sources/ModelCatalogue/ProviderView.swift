package import Contracts

/// What the provider's catalogue calls say about one model.
package struct ProviderView: Sendable, Equatable, Codable {
    package var isListed: Bool
    /// Prose, as its price call has it.
    package var pricing: String?
    /// Members of the request with a line about each: type, options and limits.
    package var members: [String: String]
    /// Share of runs that went well in the last day, in percent; nil without traffic.
    package var successPercent: Int?

    package init(isListed: Bool, pricing: String? = nil, members: [String: String] = [:], successPercent: Int? = nil) {
        self.isListed = isListed
        self.pricing = pricing
        self.members = members
        self.successPercent = successPercent
    }

    /// - Parameters:
    ///   - schema: The answer of `GET /api/v1/models/<model>/schema`; anything else means that nothing is known.
    ///   - health: The answer of `GET /api/v1/models/<model>/success-rate`.
    package init(isListed: Bool, pricing: String?, schema: JSONValue?, health: JSONValue?) {
        self.init(isListed: isListed, pricing: pricing)
        if let schema, let draft = try? ModelDraft(schema) {
            for input in draft.inputs {
                let facts = input.object?.filter { !["name", "label"].contains($0.key) } ?? [:]
                members[input["name"]?.string ?? ""] = FileText.write(.object(facts), indent: 0)
            }
            for (name, _) in draft.leftOut { members[name] = "a list or an object" }
        }
        let rates = health?["data"]?["points"]?.array?.compactMap { $0["successRate"]?.number } ?? []
        if !rates.isEmpty {
            let mean = rates.reduce(0, +) / Double(rates.count)
            successPercent = Int((mean <= 1 ? mean * 100 : mean).rounded())
        }
    }

    /// Credits that the price text names for one unit, in thousandths.
    ///
    /// Empty unless every number of credits in it is said to be for that unit: credits for a million tokens tell nothing
    /// about a thousand characters.
    package func publishedMillicredits(per unit: PriceUnit) -> [Int64] {
        guard let pricing else { return [] }
        let words = pricing.lowercased().split { !($0.isNumber || $0 == "." || $0.isLetter) }.map(String.init)
        var found: [Int64] = []
        for (place, word) in words.enumerated().dropFirst() where word.hasPrefix("credit") {
            guard let value = Decimals(words[place - 1]) else { continue }
            let rest = words[(place + 1)...]
            guard rest.first == "per", unit.isMeant(by: rest.dropFirst().first ?? "") else { return [] }
            found.append(value.thousandths)
        }
        return found
    }
}

/// One difference between what the provider says now and what was approved or sold.
package struct DriftFinding: Sendable, Equatable {
    package enum Kind: String, CaseIterable, Sendable {
        case delisted, listed, price, members, health, unsafePrice = "unsafe_price"
    }

    package var slug: String
    package var kind: Kind
    package var text: String

    /// Compares one model.
    ///
    /// - Parameter before: What was approved last; nil if nothing was.
    package static func all(_ entry: ModelEntry, _ now: ProviderView, before: ProviderView?, _ pricing: Pricing)
        -> [DriftFinding]
    {
        var findings: [DriftFinding] = []
        func find(_ kind: Kind, _ text: String) {
            findings.append(DriftFinding(slug: entry.slug, kind: kind, text: text))
        }
        if let before, before.isListed != now.isListed {
            find(now.isListed ? .listed : .delisted, now.isListed ? "is listed again" : "is no longer listed")
        }
        if let before, let old = before.pricing, old != now.pricing {
            find(.price, "price text was “\(old)” and is “\(now.pricing ?? "gone")”")
        }
        if let before, !before.members.isEmpty, !now.members.isEmpty {
            for name in Set(before.members.keys).union(now.members.keys).sorted()
            where before.members[name] != now.members[name] {
                find(
                    .members,
                    "\(name): \(before.members[name] ?? "was not there") → \(now.members[name] ?? "is gone")"
                )
            }
        }
        if let percent = now.successPercent, percent < 70 {
            find(.health, "\(percent) % of runs went well in the last day")
        }
        if let text = unsafe(entry, now, pricing) { find(.unsafePrice, text) }
        return findings
    }

    /// Whether even the least that the provider asks for is more than the most that users pay for a unit.
    private static func unsafe(_ entry: ModelEntry, _ now: ProviderView, _ pricing: Pricing) -> String? {
        guard !entry.isFree, let table = entry.price, let least = now.publishedMillicredits(per: table.unit).min(),
            let dearest = table.rows.map(\.millicredits).max()
        else { return nil }
        let cost = pricing.costKopecks(least * PriceTable.microdollarsPerMillicredit)
        let price = pricing.kopecks(dearest * PriceTable.microdollarsPerMillicredit)
        guard cost > price else { return nil }
        return "the provider asks for at least \(cost) kopecks, users pay at most \(price) a unit"
    }
}

/// What was approved of the provider's catalogue: `services/generation/provider.json`.
package struct ProviderBaseline: Sendable, Equatable, Codable {
    /// Beside the folder of model files.
    package static let fileName = "provider.json"

    /// The day it was read.
    package var date: String
    /// By the provider's name of the model.
    package var models: [String: ProviderView]

    package init(date: String, models: [String: ProviderView]) {
        self.date = date
        self.models = models
    }

    /// - Throws: `DecodingError` for anything else.
    package init(_ bytes: [UInt8]) throws {
        self = try ContractJSON.decode(ProviderBaseline.self, from: bytes)
    }

    /// A line a model, in order.
    ///
    /// - Throws: `EncodingError` only for a non-finite number, of which there is none.
    package func text() throws -> String {
        let lines = try models.sorted { $0.key < $1.key }.map { name, view in
            "    \"\(name)\": " + String(decoding: try ContractJSON.encode(view), as: UTF8.self)
        }
        return "{\n  \"date\": \"\(date)\",\n  \"models\": {\n" + lines.joined(separator: ",\n") + "\n  }\n}\n"
    }
}

extension PriceUnit {
    /// Whether the provider's word behind "per" means this unit.
    fileprivate func isMeant(by word: String) -> Bool {
        switch self {
        case .image, .request:
            [
                "image", "picture", "photo", "video", "song", "track", "request", "run", "task", "generation", "call",
                "extension", "upscale", "removal",
            ].contains(word)
        case .second: ["second", "sec", "s"].contains(word)
        case .minute: ["minute", "min"].contains(word)
        case .thousandCharacters: ["1000", "1k"].contains(word)
        // Price texts speak of pictures there.
        case .megapixel: false
        }
    }
}
