internal import Contracts
internal import EventLoop
internal import Foundation
internal import LocalSystem
internal import ModelCatalogue

/// `atelier models …`: the catalogue on the operator's desk. Reads the files themselves; no service has to run.
struct ModelsCommand: Sendable {
    let project: Project
    let environment: [String: String]

    static let usage = """
        usage: atelier models <command> [--models FOLDER]
          lint                       checks every file; prints file:line: what is wrong, and how much is priced
          list [words…] [--all]      what is sold; --all adds what is not, and why
          show <model>               one model: inputs, limits, prices
          price <model> [input=value…]
                                     what a run costs and what each other choice would; a file is @, several are @3,
                                     a clip of 12 seconds is @12s
          drift [words…] [--stored] [--approve]
                                     what the provider lists, asks for and charges that differs from what was approved, and
                                     what the running generation has found and stopped; --stored asks generation alone;
                                     --approve writes provider.json, clears the findings and sells again what makes no loss
          draft <schema.json> [--number N]
                                     writes a model file from the provider's schema to standard output
        A model is named by number, slug or an older name.
        """

    /// - Returns: 0 done, 1 something is wrong, 2 wrong usage.
    func run(_ words: [String], loop: EventLoop) async throws -> Int32 {
        var words = words
        let folder =
            try Self.option("--models", in: &words) ?? environment["ATELIER_MODELS"].flatMap { $0.isEmpty ? nil : $0 }
            ?? project.root + "/services/generation/models"
        let command = words.isEmpty ? "help" : words.removeFirst()
        switch command {
        case "lint": return try ModelsLint(folder: folder).run()
        case "list": return try ModelsList(catalogue: load(folder), pricing: pricing(), control: control()).run(words)
        case "show": return try ModelsShow(catalogue: load(folder), pricing: pricing(), control: control()).run(words)
        case "price": return try ModelsPrice(catalogue: load(folder), pricing: pricing()).run(words)
        case "drift":
            let access = OperatorAccess(project: project, environment: environment, loop: loop)
            let stored = StoredDrift(access: access)
            if let index = words.firstIndex(of: "--stored") {
                words.remove(at: index)
                guard !words.contains("--approve") else {
                    throw OperatorError("--approve looks at the provider too.", "Leave --stored away.")
                }
                return try await ModelsDrift.runStored(stored, words)
            }
            return try await drift(load(folder), stored, loop).run(words)
        case "draft":
            let number = try Self.option("--number", in: &words).flatMap { Int($0) }
            return try draft(words, number: number ?? Self.nextNumber(load(folder)))
        case "help", "--help", "-h":
            Console.say(Self.usage)
            return 0
        default:
            Console.complain("There is no command \"models \(command)\".\n\(Self.usage)")
            return 2
        }
    }

    /// Takes an option and its value out of the words.
    static func option(_ name: String, in words: inout [String], usage: String = usage) throws -> String? {
        guard let index = words.firstIndex(of: name) else { return nil }
        guard index + 1 < words.count else { throw OperatorError("\(name) has no value.", usage) }
        let value = words[index + 1]
        words.removeSubrange(index...index + 1)
        return value
    }

    /// The provider of the system that runs here, or the one that the environment names.
    private func drift(_ catalogue: Catalogue, _ stored: StoredDrift, _ loop: EventLoop) throws -> ModelsDrift {
        var settings = environment
        if let ports = RunFile.read(project.runFile)?.ports {
            let children = ChildEnvironment(
                project: project,
                ports: PortPlan(wanted: ports.map { ($0.key, $0.value) }, isFree: { _ in true }),
                credentials: try Credentials.load(from: project.secretsFile),
                placement: ClusterPlacement.forProject(project, name: "postgres"),
                operatorEnvironment: environment
            )
            settings.merge(children.service(.generation)) { $1 }
        }
        guard let keys = settings["ATELIER_KIE_KEYS"], let first = keys.split(separator: ",").first else {
            throw OperatorError(
                "There is no provider key.",
                "Start the system with make run, or set ATELIER_KIE_KEYS (and ATELIER_KIE_API_URL)."
            )
        }
        // `[account/]key[*weight][@dollars]`
        let key = first.split(separator: "/").last.map { $0.prefix { $0 != "*" && $0 != "@" } } ?? first
        return ModelsDrift(
            catalogue: catalogue,
            pricing: try pricing(),
            file: project.root + "/services/generation/provider.json",
            api: settings["ATELIER_KIE_API_URL"] ?? "https://api.kie.ai",
            key: String(key),
            stored: stored,
            loop: loop
        )
    }

    private func load(_ folder: String) throws -> Catalogue {
        do {
            return try Catalogue.load(folder)
        } catch {
            throw OperatorError(
                "The folder \(folder) can't be read.",
                "Run atelier from the checkout, or name the folder with --models."
            )
        }
    }

    /// The price rule, as generation's configuration has it.
    private func pricing() throws -> Pricing {
        func decimals(_ name: String, _ fallback: Int64) throws -> Decimals {
            guard let text = environment[name], !text.isEmpty else { return Decimals(thousandths: fallback) }
            guard let value = Decimals(text) else { throw OperatorError("\(name) is no number such as 92.5.", "") }
            return value
        }
        func whole(_ name: String, _ fallback: Int64) -> Int64 { environment[name].flatMap { Int64($0) } ?? fallback }
        return Pricing(
            kopecksPerDollar: try decimals("ATELIER_RUB_PER_USD", 92_000).hundredths,
            markupThousandths: try decimals("ATELIER_MARKUP", 2_000).thousandths,
            minimumMarginKopecks: whole("ATELIER_MINIMUM_MARGIN_KOPECKS", 50),
            minimumMarginPercent: whole("ATELIER_MINIMUM_MARGIN_PERCENT", 20)
        )
    }

    private func control() -> SalesControl {
        let names = environment["ATELIER_DISABLED_MODELS"]?.split(separator: ",").map {
            String($0).trimmingCharacters(in: .whitespaces)
        }
        return SalesControl(
            switchedOff: Set(names ?? []),
            sellsUntried: environment["ATELIER_SELL_UNTRIED_MODELS"] == "1"
        )
    }

    private static func nextNumber(_ catalogue: Catalogue) -> Int { (catalogue.entries.last?.number ?? 0) + 1 }

    private func draft(_ words: [String], number: Int) throws -> Int32 {
        guard let path = words.first, words.count == 1 else {
            Console.complain(Self.usage)
            return 2
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw OperatorError("The file \(path) can't be read.", "")
        }
        let answer: JSONValue
        do {
            answer = try ContractJSON.decode(JSONValue.self, from: data)
        } catch {
            throw OperatorError("\(path) is not JSON.", "\(error)")
        }
        do throws(ModelDraft.Trouble) {
            let draft = try ModelDraft(answer)
            let text = draft.text(number: number)
            Console.say(String(text.dropLast()))
            Console.complain(
                "Draft of \(draft.model) as number \(number): fill in tasks, texts, labels and prices, take out `withheld`, "
                    + "then atelier models lint."
            )
            return 0
        } catch {
            throw OperatorError(
                "\(path): \(error).",
                "Save the answer of GET /api/v1/models/<model>/schema and try again."
            )
        }
    }
}

extension Catalogue {
    /// The model that an operator means.
    ///
    /// - Throws: `OperatorError` with the nearest names.
    func named(_ name: String) throws -> ModelEntry {
        if let entry = Int(name).flatMap({ entry($0) }) ?? entry(named: name) { return entry }
        let near = entries.map(\.slug).filter { $0.contains(name) || name.contains($0) }.prefix(5)
        throw OperatorError(
            "There is no model \"\(name)\".",
            near.isEmpty ? "atelier models list --all shows all." : "Did you mean \(near.joined(separator: ", "))?"
        )
    }
}
