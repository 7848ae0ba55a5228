internal import Contracts
internal import Lifecycle
internal import LocalSystem

/// `atelier env [name]`: what the children are told, in the form that `env $(…)` and env files take.
struct EnvironmentListing: Sendable {
    let project: Project
    let environment: [String: String]

    func run(_ arguments: [String]) throws -> Int32 {
        let children = ChildEnvironment(
            project: project,
            ports: ports(),
            credentials: try Credentials.load(from: project.secretsFile),
            placement: ClusterPlacement.forProject(project, name: "postgres"),
            operatorEnvironment: environment
        )
        var all = [("sandbox", children.sandbox())]
        all += Project.services.map { ($0.rawValue, children.migration($0)) }
        guard let name = arguments.first else {
            for (name, environment) in all { Console.say("# \(name)\n\(Self.text(environment))\n") }
            return 0
        }
        guard let (_, environment) = all.first(where: { $0.0 == name }) else {
            throw OperatorError("There is no service \(name).", "It is one of \(all.map(\.0).joined(separator: ", ")).")
        }
        Console.say(Self.text(environment))
        return 0
    }

    /// The ports in use if everything runs, else the ones that a start would take.
    private func ports() -> PortPlan {
        guard let run = RunFile.read(project.runFile) else {
            return PortPlan(wanted: PortPlan.wanted(environment), isFree: HostSystem.isFree)
        }
        return PortPlan(wanted: run.ports.map { ($0.key, $0.value) }, isFree: { _ in true })
    }

    /// Without the key that only makes sense below our supervisor.
    static func text(_ environment: [String: String]) -> String {
        environment.filter { $0.key.hasPrefix("ATELIER_") && $0.key != StopSignals.stopsWithInputVariable }.sorted {
            $0.key < $1.key
        }
        .map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
    }
}
