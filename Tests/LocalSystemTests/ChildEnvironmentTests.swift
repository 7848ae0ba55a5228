import Configuration
import Contracts
import ServiceKit
import Testing

@testable import LocalSystem

@Suite struct ChildEnvironmentTests {
    private let credentials = Credentials()

    private func children(_ operatorEnvironment: [String: String] = [:]) -> ChildEnvironment {
        ChildEnvironment(
            project: Project(
                environment: [:],
                workingDirectory: "/srv/atelier",
                executable: "/srv/atelier/bin/atelier"
            ),
            ports: PortPlan(wanted: PortPlan.wanted([:]), isFree: { _ in true }),
            credentials: credentials,
            placement: ClusterPlacement(
                name: "postgres",
                state: "/srv/atelier/.atelier",
                isRoot: false,
                postgresCanEnter: true
            ),
            operatorEnvironment: operatorEnvironment
        )
    }

    @Test(arguments: Project.services)
    func `every service gets the standard keys in a form that it accepts`(service: ServiceName) throws {
        let reader = ConfigurationReader(environment: children().service(service))
        try reader.check(StandardKey.all(for: service))
        #expect(try reader.value(StandardKey.databaseURL).contains("/atelier_\(service.rawValue)?"))
        #expect(reader.optional(StandardKey.databaseOwnerURL) == nil)
    }

    @Test func `what one service presents is what the other accepts`() throws {
        for caller in Project.services {
            let presented = try ConfigurationReader(environment: children().service(caller)).value(
                StandardKey.callTokens
            )
            for callee in Project.services where callee != caller {
                let accepted = try ConfigurationReader(environment: children().service(callee))
                    .value(StandardKey.acceptTokens)
                #expect(presented[callee.rawValue] == accepted[caller.rawValue])
                #expect(accepted["operator"]?.text == children().operatorAccess(callee).token)
            }
        }
    }

    @Test func `only a migration gets the owner's access`() {
        #expect(
            children().migration(.billing)["ATELIER_DATABASE_OWNER_URL"]?.contains("atelier_billing_owner:") == true
        )
        #expect(children().service(.billing)["ATELIER_DATABASE_OWNER_URL"] == nil)
    }

    @Test func `each secret lives where it is used and nowhere else`() {
        let all = children()
        func holders(_ secret: String) -> Set<String> {
            Set(Project.services.filter { all.service($0).values.contains { $0.contains(secret) } }.map(\.rawValue))
        }
        #expect(holders(credentials["sandbox.bot_token"]) == ["delivery"])
        #expect(holders(credentials["telegram.webhook_secret"]) == ["delivery", "ingress"])
        #expect(holders(credentials["sandbox.kie_key"]) == ["generation"])
        #expect(holders(credentials["kie.callback_private_key"]) == ["generation"])
        #expect(holders(credentials["sandbox.yookassa_secret"]) == ["payments"])
    }

    @Test func `the operator's provider keys win, and the structure's keys don't give way`() {
        let all = children([
            "ATELIER_TELEGRAM_BOT_TOKEN": "1:real", "ATELIER_TELEGRAM_WEBHOOK_SECRET": "chosen",
            "ATELIER_INTERNAL_LISTEN": "0.0.0.0:1", "ATELIER_LOG_LEVEL": "debug", "UNRELATED": "x", "PATH": "/bin",
            "ATELIER_DATA": "/elsewhere",
        ])
        let delivery = all.service(.delivery)
        #expect(delivery["ATELIER_TELEGRAM_BOT_TOKEN"] == "1:real")
        #expect(delivery["ATELIER_TELEGRAM_WEBHOOK_SECRET"] == "chosen")
        #expect(all.service(.ingress)["ATELIER_TELEGRAM_BOTS"] == "main=chosen")
        #expect(delivery["ATELIER_INTERNAL_LISTEN"] == "127.0.0.1:8105")
        #expect(delivery["ATELIER_LOG_LEVEL"] == "debug" && delivery["PATH"] == "/bin")
        #expect(delivery["UNRELATED"] == nil && delivery["ATELIER_DATA"] == nil)
    }

    @Test func `a real provider's results are never fetched from private addresses`() {
        #expect(children().service(.generation)["ATELIER_ALLOW_PRIVATE_RESULT_HOSTS"] == "1")
        let live = children(["ATELIER_KIE_API_URL": "https://api.kie.ai"])
        #expect(live.service(.generation)["ATELIER_ALLOW_PRIVATE_RESULT_HOSTS"] == "0")
        #expect(children().service(.generation)["ATELIER_ASSISTANT_URL"]?.hasSuffix("/assistant/v1") == true)
        #expect(live.service(.generation)["ATELIER_ASSISTANT_URL"] == nil, "nobody gets a stand-in's translation")
    }

    @Test func `every child is told to stop with its supervisor`() {
        for environment in [children().sandbox(), children().service(.ingress), children().migration(.payments)] {
            #expect(environment["ATELIER_STOPS_WITH_INPUT"] == "1")
            #expect(environment["TMPDIR"] == "/srv/atelier/.atelier/tmp")
        }
    }
}

@Suite struct CommandTests {
    @Test func `a command's end and output are told`() throws {
        let done = try Command(executable: "/bin/sh", arguments: ["-c", "echo out; echo err >&2; exit 3"]).runAndWait()
        #expect(done.status == .exited(3))
        #expect(done.output == "out\nerr\n")
        let killed = try Command(executable: "/bin/sh", arguments: ["-c", "kill -9 $$"]).runAndWait()
        #expect(killed.status == .killed(signal: 9) && killed.status.shellCode == 137)
    }

    @Test func `a program that is not there is an error and no child`() {
        #expect(throws: OperatorError.self) { try Command(executable: "/nowhere/at/all").runAndWait() }
    }

    @Test func `a child's environment is exactly what it is given`() throws {
        let result = try Command(executable: "/usr/bin/env", environment: ["ONLY": "this"]).runAndWait()
        #expect(result.output == "ONLY=this\n")
    }

    @Test func `a child with a session of its own leads it`() throws {
        var command = Command(executable: "/bin/sh", arguments: ["-c", "ps -o sid= -p $$ | tr -d ' '; echo $$"])
        command.ownSession = true
        let lines = try command.runAndWait().output.split(separator: "\n")
        #expect(lines.count == 2 && lines.first == lines.last)
    }
}
