internal import Concurrency
internal import Dispatch
internal import EventLoop
internal import Foundation
internal import LocalSystem
internal import ServiceKit

/// The command line of the operator.
package enum AtelierCommand {
    private static let usage = """
        usage: atelier <command>
          up            runs everything on this machine until Ctrl-C: PostgreSQL, sandbox, six services
          status        shows what runs and what it lacks
          env           prints the environment of the services, with secrets; env <service> prints one
          events        lists, shows and replays what ingress has stored; events help says how
          test-cluster  starts a throw-away PostgreSQL and prints its URL; stop ends it;
                        with a command: runs it with ATELIER_TEST_DATABASE_URL set, then stops
          ledger        shows, corrects and verifies the money; ledger help says how
          demo          plays a story through a system of its own and proves that the money is right
          users         removes what a user has given and made: atelier users erase <telegram id>
          models        checks, lists, shows, prices and drafts models: atelier models help
          templates     checks and lists prompt templates: atelier templates help
          version       prints which build this is
        """

    /// Does what the command line says and ends the process. Exit codes: 0 done, 1 failed, 2 wrong usage.
    package static func run(_ arguments: [String] = CommandLine.arguments) -> Never {
        let words = Array(arguments.dropFirst())
        let project = Project.current()
        let environment = ProcessInfo.processInfo.environment
        let loop = EventLoop(name: "atelier")
        let rest = Array(words.dropFirst())
        let code: Int32
        switch words.first ?? "help" {
        case "up": code = waiting(loop) { try await Up(project: project, environment: environment, loop: loop).run() }
        case "status":
            code = waiting(loop) {
                let (text, code) = await Status(project: project, loop: loop).run()
                Console.say(text)
                return code
            }
        case "env":
            code = waiting(loop) { try EnvironmentListing(project: project, environment: environment).run(rest) }
        case "events":
            code = waiting(loop) {
                let access = OperatorAccess(project: project, environment: environment, loop: loop)
                return try await EventsCommand(access: access).run(rest)
            }
        case "test-cluster":
            code = waiting(loop) {
                try await TestCluster(project: project, environment: environment, loop: loop).run(rest)
            }
        case "demo":
            code = waiting(loop) { try await Demo(project: project, environment: environment, loop: loop).run() }
        case "ledger":
            code = waiting(loop) {
                try await LedgerCommand(project: project, environment: environment, loop: loop).run(rest)
            }
        case "models":
            code = waiting(loop) {
                try await ModelsCommand(project: project, environment: environment).run(rest, loop: loop)
            }
        case "users":
            code = waiting(loop) {
                let access = OperatorAccess(project: project, environment: environment, loop: loop)
                return try await UsersCommand(access: access).run(rest)
            }
        case "templates":
            code = waiting(loop) { try TemplatesCommand(project: project, environment: environment).run(rest) }
        case "keep": code = waiting(loop) { try await Keeper.run(rest) }
        case "version":
            Console.say("atelier \(BuildInfo.version) (\(BuildInfo.revision))")
            code = 0
        case "help", "--help", "-h":
            Console.say(usage)
            code = 0
        case let word:
            Console.complain("There is no command \"\(word)\".\n\(usage)")
            code = 2
        }
        exit(code)
    }

    /// Blocks the main thread, which has nothing else to do, until the command has ended on the loop.
    private static func waiting(_ loop: EventLoop, _ body: @escaping @Sendable () async throws -> Int32) -> Int32 {
        let done = DispatchSemaphore(value: 0)
        let code = Locked<Int32>(1)
        // Unstructured because the main thread is not a task; it waits right here.
        Task(executorPreference: loop) {
            do {
                let result = try await body()
                code.withLock { $0 = result }
            } catch {
                Console.complain("\(error)")
            }
            done.signal()
        }
        done.wait()
        return code.withLock { $0 }
    }
}
