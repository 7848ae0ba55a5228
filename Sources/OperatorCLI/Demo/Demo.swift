internal import Contracts
internal import EventLoop
internal import Foundation
internal import HTTPClient
internal import LocalSystem
internal import ServiceKit
internal import Telemetry

/// `atelier demo`: a fixed story through the public doors of a system of its own, ending with proof that the money is right.
///
/// Updates go in as Telegram posts them; everything else is seen through the stand-ins. Exit code 0 only if every step
/// and every claim held.
struct Demo: Sendable {
    let project: Project
    let environment: [String: String]
    let loop: EventLoop

    func run() async throws -> Int32 {
        let narrator = Narrator()
        narrator.title("Atelier: демонстрация. Поднимаю свою систему с нуля…")
        let stage = try await Stage.open(root: project, environment: environment, loop: loop)
        var isWhole = false
        do {
            try await play(narrator, stage)
            isWhole = narrator.failures.isEmpty
        } catch {
            // Told where it happened; what follows would only be confusing.
            if narrator.failures.isEmpty { narrator.claim("демонстрация дошла до конца", false, "\(error)") }
        }
        await stage.close(keep: !isWhole)
        report(narrator, isWhole, stage)
        return isWhole ? 0 : 1
    }

    private func play(_ narrator: Narrator, _ stage: Stage) async throws {
        let metrics = Metrics(service: "atelier")
        let log = Log(service: "atelier", level: .error)
        let http = HTTPClient(loop: loop, configuration: HTTPClientConfiguration(), metrics: metrics, log: log)
        let sandbox = SandboxClient(http: http, baseURL: stage.sandboxURL)
        let books = try stage.books(http: http, metrics: metrics, log: log)
        let person = Person(id: 700_000_000 + Int64.random(in: 0..<99_000_000), sandbox: sandbox, loop: loop)
        let story = Story(narrator: narrator, sandbox: sandbox, books: books, person: person)

        try await story.play()
        try await Crashes(narrator: narrator, sandbox: sandbox, stage: stage, books: books, story: story).play()
        try await books.settle(of: person.id)
        try await Proof(narrator: narrator, sandbox: sandbox, books: books, person: person).show()
        memory(narrator, stage)
    }

    private func memory(_ narrator: Narrator, _ stage: Stage) {
        for service in Project.services {
            let bytes = stage.memory(of: service.rawValue) ?? 0
            let megabytes = Double(bytes) / 1_048_576
            narrator.claim(
                "память \(service.rawValue) меньше 30 МБ",
                bytes > 0 && megabytes < 30,
                String(format: "%.1f МБ (PSS)", megabytes)
            )
        }
    }

    private func report(_ narrator: Narrator, _ isWhole: Bool, _ stage: Stage) {
        if isWhole {
            Console.say("\nВсё как должно быть; шагов: \(narrator.timings.count), сбоев: 0.")
            return
        }
        Console.say("\nНе так, как должно быть:")
        for failure in narrator.failures { Console.say("  ✗ \(failure)") }
        Console.say("Журналы лежат в \(stage.project.logs).")
    }
}
