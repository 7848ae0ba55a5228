internal import Configuration
internal import Contracts
internal import EventLoop
internal import HTTPClient
internal import LocalSystem
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// `atelier ledger …`: money seen and corrected by the operator.
///
/// Calls go to billing of the running system. `ATELIER_URL_BILLING` with `ATELIER_OPERATOR_TOKEN`, and for `verify` and
/// `head` `ATELIER_DATABASE_URL`, point to another installation.
struct LedgerCommand: Sendable {
    let project: Project
    let environment: [String: String]
    let loop: EventLoop

    static let usage = """
        usage: atelier ledger <command>
          balance USER [--at TIME]          what the account has, or had
          statement USER [--limit N]        what moved, newest first
          holds USER                        what is reserved now
          daily [DAY]                       revenue, provider cost and margin by model
          trial                             sums of all accounts
          adjust USER ROUBLES --reason TEXT [--wallet bonus|paid] [--id ID]
                                            corrects an account; a large sum waits for another operator; the same
                                            --id takes effect once
          adjustments                       corrections that wait
          approve ID | reject ID            decides a correction of another operator
          freeze USER --reason TEXT         stops an account; unfreeze lets it go on
          verify [--head FILE]              re-computes the whole ledger, and compares it with an exported head
          head                              prints the newest seal, to be kept somewhere else
        Operators are named by --operator NAME, else by $ATELIER_OPERATOR or $USER.
        """

    /// - Returns: 0 done, 1 failed or unsound, 2 wrong usage.
    func run(_ arguments: [String]) async throws -> Int32 {
        let words = LedgerArguments(arguments)
        switch words.command {
        case "verify": return try await verify(words)
        case "head": return try await printHead()
        case nil, "help", "--help", "-h":
            Console.say(Self.usage)
            return words.command == nil ? 2 : 0
        default:
            return try await ask(words)
        }
    }

    private func ask(_ words: LedgerArguments) async throws -> Int32 {
        do {
            guard let text = try await desk(words).run(words) else {
                Console.complain(Self.usage)
                return 2
            }
            Console.say(text)
            return 0
        } catch let error as CallError {
            guard let problem = error.problem else {
                throw OperatorError("Billing does not answer: \(error)", "Is it running? See: atelier status.")
            }
            Console.complain(LedgerTexts.refusal(problem))
            return 1
        }
    }

    private func verify(_ words: LedgerArguments) async throws -> Int32 {
        var head: LedgerHead?
        if let path = words.option("head") { head = try LedgerHead.read(path) }
        return try await withDatabase { database in
            let report = try await LedgerVerifier(database: database).verify(against: head)
            Console.say(report.text)
            return report.isSound ? 0 : 1
        }
    }

    private func printHead() async throws -> Int32 {
        try await withDatabase { database in
            guard let head = try await LedgerHead.newest(database) else {
                throw OperatorError("The ledger has no seal yet.", "Billing seals within a second of the first entry.")
            }
            Console.say(head.text)
            return 0
        }
    }

    private func desk(_ words: LedgerArguments) throws -> LedgerDesk {
        let metrics = Metrics(service: "atelier")
        let log = Log(service: "atelier", level: .error)
        let http = HTTPClient(loop: loop, configuration: HTTPClientConfiguration(), metrics: metrics, log: log)
        let access = try access()
        return LedgerDesk(
            billing: InternalClient(
                service: .billing,
                baseURL: access.url,
                token: Secret(access.token),
                http: http,
                metrics: metrics
            ),
            operatorName: words.option("operator") ?? environment["ATELIER_OPERATOR"] ?? environment["USER"] ?? "root"
        )
    }

    private func access() throws -> (url: String, token: String) {
        if let url = environment["ATELIER_URL_BILLING"], let token = environment["ATELIER_OPERATOR_TOKEN"] {
            return (url, token)
        }
        return try children().operatorAccess(.billing)
    }

    private func withDatabase(_ body: (Database) async throws -> Int32) async throws -> Int32 {
        let url: String
        if let given = environment["ATELIER_DATABASE_URL"] {
            url = given
        } else {
            url = try children().service(.billing)["ATELIER_DATABASE_URL"] ?? ""
        }
        var configuration = DatabaseConfiguration(url: url, applicationName: "atelier-ledger")
        configuration.maximumConnections = 1
        let database = Database(
            configuration,
            loop: loop,
            metrics: Metrics(service: "atelier"),
            log: Log(service: "atelier", level: .error)
        )
        do {
            let code = try await body(database)
            await database.shutdown()
            return code
        } catch {
            await database.shutdown()
            throw error
        }
    }

    private func children() throws -> ChildEnvironment {
        guard let run = RunFile.read(project.runFile) else {
            throw OperatorError(
                "Atelier is not running for \(project.root).",
                "Start it with: make run. For another installation see: atelier ledger help."
            )
        }
        return ChildEnvironment(
            project: project,
            ports: PortPlan(wanted: run.ports.map { ($0.key, $0.value) }, isFree: { _ in true }),
            credentials: try Credentials.load(from: project.secretsFile),
            placement: ClusterPlacement.forProject(project, name: "postgres"),
            operatorEnvironment: environment
        )
    }
}

/// The words of `atelier ledger`: a command, its values, and options that have a value each.
struct LedgerArguments: Sendable, Equatable {
    private(set) var command: String?
    private(set) var values: [String] = []
    private var options: [String: String] = [:]

    init(_ words: [String]) {
        var rest = words[...]
        command = rest.popFirst()
        while let word = rest.popFirst() {
            // A negative sum is a value.
            if word.hasPrefix("--"), let value = rest.popFirst() {
                options[String(word.dropFirst(2))] = value
            } else {
                values.append(word)
            }
        }
    }

    func option(_ name: String) -> String? { options[name] }
}
