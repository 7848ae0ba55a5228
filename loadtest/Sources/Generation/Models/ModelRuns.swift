internal import Contracts
internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem
internal import ModelCatalogue
internal import Time

/// `make e2e-models`: every sellable model, `E2E_RUNS` times, through a whole system of its own.
///
/// Without keys against the stand-in, which knows the provider's models by their documentation and not by our files: a
/// member, value or limit that the two read differently fails here. With `RUN_E2E=1` and real keys the free models run
/// for real, with results to `ADMIN_ID`. A clean pass goes into `smoke.json`, where it lets the model be sold.
struct ModelRuns: Sendable {
    let loop: EventLoop
    private let environment = ProcessInfo.processInfo.environment
    /// Users in parallel: Telegram takes one message a second in a chat.
    private static let users = 10

    static let scenario = LoadtestCommand.Scenario("e2e-models") { loop, _ in try await ModelRuns(loop: loop).run() }

    private var isReal: Bool { RealRun.isAsked(environment) }

    func run() async throws -> Int32 {
        let project = Project.current()
        let folder = project.root + "/services/generation/models"
        let catalogue = try Catalogue.load(folder)
        guard catalogue.refused.isEmpty, catalogue.looseEnds.isEmpty else {
            throw OperatorError("The model files have mistakes.", "atelier models lint names them.")
        }
        let entries = try candidates(catalogue)
        let runs = max(1, Int(environment["E2E_RUNS"] ?? "") ?? 2)
        Console.say("\(entries.count) models, \(runs) runs each, \(isReal ? "for real" : "against the stand-in")")
        let stage = try await Stage.open(root: project, environment: try settings(), loop: loop)
        var finished: [ModelRun] = []
        do {
            finished = try await play(entries, runs, catalogue, stage)
        } catch {
            await stage.close(keep: true)
            throw error
        }
        let verdicts = entries.map { entry in
            ModelVerdict(entry: entry, runs: finished.filter { $0.slug == entry.slug })
        }
        let isWhole = verdicts.allSatisfy { $0.word == .stable }
        await stage.close(keep: !isWhole)
        try keep(verdicts, catalogue, runs, in: folder)
        return report(verdicts, runs)
    }

    /// Everything that may be sold but for its smoke run; spares too, since they are needed when nothing else is left.
    private func candidates(_ catalogue: Catalogue) throws -> [ModelEntry] {
        let wanted = environment["E2E_MODELS"].map { $0.split(separator: ",").map(String.init) } ?? []
        let entries = catalogue.entries.filter { entry in
            let obstacle = catalogue.obstacle(to: entry, SalesControl(sellsUntried: true))
            return (obstacle == nil || obstacle?.code == "spare") && (!isReal || entry.isFree)
                && (wanted.isEmpty || wanted.contains { entry.slug.contains($0) })
        }
        guard !entries.isEmpty else { throw OperatorError("No model fits E2E_MODELS.", "") }
        return entries
    }

    private func settings() throws -> [String: String] {
        var settings = environment
        settings["ATELIER_SELL_UNTRIED_MODELS"] = "1"
        settings["ATELIER_MAXIMUM_OPEN_JOBS"] = "1000"
        settings["ATELIER_FREE_RUNS_PER_DAY"] = "1000"
        settings["ATELIER_FREE_ROUBLES_PER_DAY"] = "100000"
        if isReal {
            try RealRun.check(environment)
            settings["ATELIER_KIE_API_URL"] = environment["ATELIER_KIE_API_URL"] ?? "https://api.kie.ai"
            settings["ATELIER_KIE_UPLOAD_URL"] = environment["ATELIER_KIE_UPLOAD_URL"] ?? "https://kieai.redpandaai.co"
            settings["ATELIER_TELEGRAM_API_URL"] = environment["ATELIER_TELEGRAM_API_URL"] ?? "https://api.telegram.org"
        } else {
            settings["ATELIER_SANDBOX_KIE_DELAY"] = "300ms"
        }
        return settings
    }

    private func play(_ entries: [ModelEntry], _ runs: Int, _ catalogue: Catalogue, _ stage: Stage) async throws
        -> [ModelRun]
    {
        let world = try ModelWorld(stage)
        let admin = environment["ADMIN_ID"].flatMap { Int64($0) }
        let players = isReal ? 1 : min(Self.users, entries.count)
        var finished: [ModelRun] = []
        try await withThrowingTaskGroup(of: [ModelRun].self) { group in
            for place in 0..<players {
                let user = isReal ? admin ?? 0 : 880_000_000 + Int64(place)
                let share = entries.enumerated().filter { $0.offset % players == place }.map(\.element)
                let player = ModelPlayer(
                    user: user,
                    world: world,
                    catalogue: catalogue,
                    patience: isReal ? nil : .seconds(180)
                )
                group.addTask(executorPreference: loop) {
                    if !isReal { try await world.admit(user) }
                    var done: [ModelRun] = []
                    try await player.play(share, runs: runs) { done.append($0) }
                    return done
                }
            }
            for try await part in group { finished += part }
        }
        finished = isReal ? finished.map(Self.deliveredUnseen) : try await measured(finished, world)
        await world.close()
        return finished
    }

    /// A real Telegram shows its chats to people only: the administrator sees the results.
    private static func deliveredUnseen(_ run: ModelRun) -> ModelRun {
        var run = run
        run.isDelivered = run.trouble == nil
        return run
    }

    /// Adds what only the stand-ins and the attempts know, and waits for the last deliveries.
    private func measured(_ runs: [ModelRun], _ world: ModelWorld) async throws -> [ModelRun] {
        var runs = runs
        let deadline = Deadline.after(.seconds(180))
        repeat {
            var chats: [ChatID: Set<String>] = [:]
            for chat in Set(runs.map(\.chatID)) { chats[chat] = try await world.delivered(to: chat) }
            for index in runs.indices where runs[index].trouble == nil {
                runs[index].isDelivered = Set(runs[index].results).isSubset(of: chats[runs[index].chatID] ?? [])
            }
            if runs.allSatisfy({ $0.isDelivered || $0.trouble != nil }) { break }
            try await loop.sleep(for: .seconds(1))
        } while !deadline.isExpired
        let tasks = try await world.tasks()
        for index in runs.indices {
            for attempt in try await world.attempts(of: runs[index].jobID) {
                guard let task = attempt.taskID.flatMap({ tasks[$0] }) else { continue }
                runs[index].taskMilliseconds = task.createdAt - runs[index].beganAt
                runs[index].callback4xx += task.statuses.count { (400..<500).contains($0) }
                if !task.statuses.isEmpty, !attempt.wasCalledBack { runs[index].jobNotFound += 1 }
                runs[index].ignored += task.ignored
            }
        }
        return runs
    }

    /// Writes what passed into the smoke book; what failed leaves it.
    private func keep(_ verdicts: [ModelVerdict], _ catalogue: Catalogue, _ runs: Int, in folder: String) throws {
        guard environment["E2E_WRITE"] != "0", runs >= 2 || isReal else { return }
        var book = catalogue.smoke ?? SmokeBook()
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withFullDate]
        let today = formatter.string(from: Date())
        for verdict in verdicts {
            let entry = verdict.entry
            let known = book.passed[entry.slug]
            guard verdict.word == .stable else {
                book.passed[entry.slug] = nil
                continue
            }
            let isSame = known?.fingerprint == entry.requestFingerprint
            // A pass against the provider is worth more than one against the stand-in, and a day alone is no news.
            if isSame, !isReal || known?.against == "provider" { continue }
            book.passed[entry.slug] = SmokeBook.Pass(
                fingerprint: entry.requestFingerprint,
                date: today,
                against: isReal ? "provider" : "stand-in",
                runs: runs
            )
        }
        let slugs = Set(catalogue.entries.map(\.slug))
        book.passed = book.passed.filter { slugs.contains($0.key) }
        try Data(book.text.utf8).write(to: URL(filePath: "\(folder)/\(SmokeBook.fileName)"), options: .atomic)
    }

    private func report(_ verdicts: [ModelVerdict], _ runs: Int) -> Int32 {
        Console.say("\n" + TextTable([ModelVerdict.heading] + verdicts.map(\.row)).text)
        let all = verdicts.flatMap(\.runs)
        func count(_ word: ModelVerdict.Word) -> Double { Double(verdicts.count { $0.word == word }) }
        var bench = Bench("e2e-models")
        bench.note("models", Double(verdicts.count))
        bench.note("runs", Double(all.count))
        bench.note("time_to_task_median_seconds", all.compactMap(\.taskMilliseconds).map { Double($0) / 1_000 }.median)
        bench.note("total_time_median_seconds", all.compactMap(\.totalMilliseconds).map { Double($0) / 1_000 }.median)
        bench.require("stable", count(.stable), .equal(Double(verdicts.count)))
        bench.require("unstable", count(.unstable), .equal(0))
        bench.require("failed", count(.failed), .equal(0))
        bench.require("callback_4xx", Double(all.map(\.callback4xx).reduce(0, +)), .equal(0))
        bench.require("job_not_found", Double(all.map(\.jobNotFound).reduce(0, +)), .equal(0))
        bench.require("not_delivered", Double(all.count { !$0.isDelivered }), .equal(0))
        return bench.finish()
    }
}
