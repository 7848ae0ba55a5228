internal import Configuration
internal import Contracts
internal import EventLoop
internal import HTTPClient
internal import LocalSystem
internal import ServiceKit
internal import Telemetry

/// How the command line reaches a service's internal API: by `ATELIER_URL_<SERVICE>` and
/// `ATELIER_OPERATOR_TOKEN`, or else by what the running `atelier up` has written down.
struct OperatorAccess: Sendable {
    private static let tokenKey = "ATELIER_OPERATOR_TOKEN"

    let project: Project
    let environment: [String: String]
    let loop: EventLoop

    /// Runs `body` with a client and turns its refusals into sentences.
    func with<Result>(
        _ service: ServiceName,
        _ body: (InternalClient) async throws -> Result
    ) async throws -> Result {
        let (url, token) = try address(of: service)
        let metrics = Metrics(service: "atelier")
        let http = HTTPClient(loop: loop, metrics: metrics, log: Log(service: "atelier", level: .error))
        let client = InternalClient(service: service, baseURL: url, token: token, http: http, metrics: metrics)
        do {
            let result = try await body(client)
            await http.shutdown()
            return result
        } catch {
            await http.shutdown()
            guard let error = error as? CallError else { throw error }
            throw OperatorError("\(service.rawValue) at \(url) says: \(Self.text(error))", Self.remedy(error))
        }
    }

    private func address(of service: ServiceName) throws -> (url: String, token: Secret?) {
        let name = "ATELIER_URL_\(service.rawValue.uppercased())"
        if let url = environment[name], !url.isEmpty {
            return (url, environment[Self.tokenKey].map { Secret($0) })
        }
        guard let run = RunFile.read(project.runFile) else {
            throw OperatorError(
                "Atelier is not running for \(project.root).",
                "Start it with: make run\nOr name a server: \(name)=http://… \(Self.tokenKey)=…"
            )
        }
        let children = ChildEnvironment(
            project: project,
            ports: PortPlan(wanted: run.ports.map { ($0.key, $0.value) }, isFree: { _ in true }),
            credentials: try Credentials.load(from: project.secretsFile),
            placement: ClusterPlacement.forProject(project, name: "postgres"),
            operatorEnvironment: environment
        )
        let access = children.operatorAccess(service)
        return (access.url, Secret(access.token))
    }

    /// A refusal in the callee's words, or why there was no answer.
    static func text(_ error: CallError) -> String {
        switch error {
        case .problem(let problem): problem.detail ?? problem.code.title
        case .unreachable(let error): "no answer (\(error.code.rawValue))"
        }
    }

    private static func remedy(_ error: CallError) -> String {
        switch error {
        case .problem(let problem) where problem.code == .unauthenticated:
            "Give the operator's token for this service in \(tokenKey)."
        case .unreachable: "See what runs with: atelier status"
        case .problem: ""
        }
    }
}
