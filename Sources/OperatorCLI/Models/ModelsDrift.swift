internal import Contracts
internal import EventLoop
internal import Foundation
internal import HTTP
internal import HTTPClient
internal import LocalSystem
internal import ModelCatalogue
internal import Telemetry
internal import Time

/// Reads the provider's catalogue calls and shows what differs from what was approved, and what the running generation has
/// found and stopped by itself.
///
/// The calls share one budget of a request a second, so that a look at the whole catalogue takes minutes; words limit it.
struct ModelsDrift: Sendable {
    let catalogue: Catalogue
    let pricing: Pricing
    /// The file of what was approved.
    let file: String
    let api: String
    let key: String
    let stored: StoredDrift
    let loop: EventLoop

    /// A request a second is the provider's budget; the stand-in on this machine has none.
    private var pause: Duration { api.contains("127.0.0.1") ? .zero : .milliseconds(1_050) }

    func run(_ words: [String]) async throws -> Int32 {
        let approves = words.contains("--approve")
        let wanted = words.filter { $0 != "--approve" }
        let known = await known(to: stored, wanted)
        let http = HTTPClient(
            loop: loop,
            configuration: HTTPClientConfiguration(),
            metrics: Metrics(service: "atelier"),
            log: Log(service: "atelier", level: .error)
        )
        var baseline = try approved()
        let listed = try await list(http)
        var findings: [DriftFinding] = []
        var seen: [String] = []
        for entry in catalogue.entries where entry.withheld == nil {
            guard wanted.isEmpty || wanted.contains(where: { entry.slug.contains($0) }) else { continue }
            let view = try await look(at: entry, listed, http)
            findings += DriftFinding.all(entry, view, before: baseline.models[entry.route.model], pricing)
            seen.append(entry.slug)
            if approves { baseline.models[entry.route.model] = view }
        }
        await http.shutdown()
        report(findings, listed, baseline)
        if let known { Console.say(StoredDrift.text(known, isAskedFor: !wanted.isEmpty)) }
        guard approves else { return findings.isEmpty && Self.isFine(known) ? 0 : 1 }
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withFullDate]
        baseline.date = formatter.string(from: Date())
        try Data(try baseline.text().utf8).write(to: URL(filePath: file), options: .atomic)
        Console.say("approved; \(file) is to be committed")
        return await clear(seen, findings) ? 0 : 1
    }

    /// Only what generation has found, without asking the provider.
    static func runStored(_ stored: StoredDrift, _ wanted: [String]) async throws -> Int32 {
        let known = try await stored.list(wanted)
        Console.say(StoredDrift.text(known, isAskedFor: !wanted.isEmpty))
        return isFine(known) ? 0 : 1
    }

    private static func isFine(_ known: [ModelDrift]?) -> Bool {
        known?.allSatisfy { $0.findings.isEmpty && $0.stops.isEmpty } ?? true
    }

    /// nil where generation does not answer: the provider can be read without it.
    private func known(to stored: StoredDrift, _ wanted: [String]) async -> [ModelDrift]? {
        do {
            return try await stored.list(wanted)
        } catch {
            Console.complain("What generation has found by itself is not shown. \(error)")
            return nil
        }
    }

    /// Clears what was seen, in the running generation, but for models that would be sold at a loss.
    ///
    /// - Returns: Whether generation has answered.
    private func clear(_ seen: [String], _ findings: [DriftFinding]) async -> Bool {
        let losing = Set(findings.filter { $0.kind == .unsafePrice }.map(\.slug))
        do {
            let approved = try await stored.approve(seen.filter { !losing.contains($0) })
            Console.say(StoredDrift.text(approved, stopped: losing.sorted()))
            return true
        } catch {
            Console.complain("Generation keeps its findings and stops: approve again when it runs. \(error)")
            return false
        }
    }

    private func approved() throws -> ProviderBaseline {
        guard let data = FileManager.default.contents(atPath: file) else {
            return ProviderBaseline(date: "", models: [:])
        }
        do {
            return try ProviderBaseline([UInt8](data))
        } catch {
            throw OperatorError("\(file) is no baseline.", "Restore it, or remove it and approve anew.")
        }
    }

    /// The provider's names with their price texts.
    private func list(_ http: HTTPClient) async throws -> [String: String?] {
        let answer = try await get("/api/v1/models", http)
        guard let models = answer?["data"]?["models"]?.array else {
            throw OperatorError("\(api) did not list its models.", "Check ATELIER_KIE_API_URL and ATELIER_KIE_KEYS.")
        }
        return Dictionary(
            models.compactMap { model in model["model"]?.string.map { ($0, model["pricingDesc"]?.string) } }
        ) { first, _ in first }
    }

    private func look(at entry: ModelEntry, _ listed: [String: String?], _ http: HTTPClient) async throws
        -> ProviderView
    {
        let name = entry.route.model
        // Models of the dedicated calls have no place in the list.
        guard let pricing = listed[name] else { return ProviderView(isListed: false) }
        let price = try await get("/api/v1/models/\(name)/price", http)?["data"]?["pricingDesc"]?.string
        let schema = try await get("/api/v1/models/\(name)/schema", http)
        let health = try await get("/api/v1/models/\(name)/success-rate", http)
        return ProviderView(isListed: true, pricing: price ?? pricing, schema: schema, health: health)
    }

    private func get(_ path: String, _ http: HTTPClient) async throws -> JSONValue? {
        try await loop.sleep(for: pause)
        let response = try await http.send(
            ClientRequest(
                url: api + path,
                fields: [
                    "Authorization": "Bearer \(key)", "Content-Type": "application/json",
                    "User-Agent": "Mozilla/5.0 Atelier",
                ],
                timeout: .seconds(20),
                maximumResponseBytes: 8 << 20
            )
        )
        let answer = try? ContractJSON.decode(JSONValue.self, from: response.body)
        // HTTP 200 says nothing: the body's code does.
        return answer?["code"]?.integer == 200 ? answer : nil
    }

    private func report(_ findings: [DriftFinding], _ listed: [String: String?], _ baseline: ProviderBaseline) {
        let ours = Set(catalogue.entries.map(\.route.model))
        let strangers = listed.keys.filter { !ours.contains($0) }.sorted()
        if !findings.isEmpty {
            Console.say(
                TextTable([["model", "what", ""]] + findings.map { [$0.slug, $0.kind.rawValue, $0.text] }).text
            )
        }
        if !strangers.isEmpty { Console.say("not in our catalogue: " + strangers.joined(separator: ", ")) }
        let since = baseline.date.isEmpty ? "nothing was approved yet" : "since \(baseline.date)"
        Console.say("\(findings.count) differences, \(since); \(listed.count) models listed")
    }
}
