import Contracts
import EventLoop
import Foundation
import HTTPClient
import LoadtestKit
import LocalSystem
import Telemetry

/// `make check-metrics` and `make check-logs`: what a whole system tells after somebody has made a picture with it.
///
/// Starts a system of its own with its logs at debug level, plays a short story whose texts and secrets are known, gives
/// every process's metrics to `promtool check metrics`, and looks for the secrets in every line that was logged.
struct TelemetryCheck {
    let stage: Stage
    let loop: EventLoop
    let http: HTTPClient

    private static let prompt = "планета-приметная-7319 под двумя лунами"
    private static let visitor = (id: Int64(731_955_501), firstName: "Примета-Имя-7319")

    static func metrics(_ loop: EventLoop, _ words: [String]) async throws -> Int32 {
        let promtool = try Tool.find("promtool", package: "prometheus")
        return try await withStory("check-metrics", loop) { try await $0.checkMetrics(promtool, &$1) }
    }

    static func logs(_ loop: EventLoop, _ words: [String]) async throws -> Int32 {
        try await withStory("check-logs", loop) { try $0.checkLogs(&$1) }
    }

    private static func withStory(
        _ name: String,
        _ loop: EventLoop,
        _ check: (TelemetryCheck, inout Bench) async throws -> Void
    ) async throws -> Int32 {
        var environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
        environment["ATELIER_LOG_LEVEL"] = "debug"
        let stage = try await Stage.open(root: Project.current(), environment: environment, loop: loop)
        let log = Log(service: "check", level: .error)
        let telling = TelemetryCheck(
            stage: stage,
            loop: loop,
            http: HTTPClient(loop: loop, metrics: Metrics(service: "check"), log: log)
        )
        var bench = Bench(name)
        do {
            Console.say("a visitor makes a picture")
            try await telling.visitor.makePicture(prompt: prompt)
            try await check(telling, &bench)
        } catch {
            await telling.http.shutdown()
            await stage.close(keep: true)
            throw error
        }
        await telling.http.shutdown()
        await stage.close(keep: !bench.holds)
        return bench.finish()
    }

    private var visitor: Visitor {
        Visitor(
            id: Self.visitor.id,
            firstName: Self.visitor.firstName,
            sandboxURL: stage.sandboxURL,
            http: http,
            loop: loop
        )
    }

    // MARK: Metrics

    private func checkMetrics(_ promtool: String, _ bench: inout Bench) async throws {
        var rows = [["process", "samples", "promtool check metrics"]]
        var findings = 0
        for name in ["sandbox"] + Project.services.map(\.rawValue) {
            let answer = try await http.send(ClientRequest(url: "http://127.0.0.1:\(stage.ports[name] ?? 0)/metrics"))
            let samples = answer.body.split(separator: UInt8(ascii: "\n")).count { $0.first != UInt8(ascii: "#") }
            let file = stage.project.state + "/\(name).metrics"
            try Data(answer.body).write(to: URL(filePath: file))
            // promtool says nothing where it finds nothing.
            let said = try await Tool.output("/bin/sh", ["-c", "\(promtool) check metrics < \(file) 2>&1 || true"])
            let lines = said.split(separator: "\n").map(String.init)
            findings += lines.count + (samples < 20 ? 1 : 0)
            rows.append([name, String(samples), lines.isEmpty ? "clean" : "\(lines.count) findings"])
            for line in lines { Console.say("\(name): \(line)") }
        }
        Console.say(TextTable(rows).text)
        bench.require("processes", Double(rows.count - 1), .equal(7))
        bench.require("findings", Double(findings), .equal(0))
    }

    // MARK: Logs

    private func checkLogs(_ bench: inout Bench) throws {
        let planted = try self.planted()
        var (lines, leaks) = (0, 0)
        for file in try FileManager.default.contentsOfDirectory(atPath: stage.project.logs).sorted() {
            let text = String(
                decoding: try Data(contentsOf: URL(filePath: stage.project.logs + "/" + file)),
                as: UTF8.self
            )
            for line in text.split(separator: "\n") {
                lines += 1
                for (name, secret) in planted where line.contains(secret) {
                    leaks += 1
                    Console.say("\(file) tells \(name): \(line.replacing(secret, with: "‹\(name)›").prefix(300))")
                }
            }
        }
        Console.say("\(lines) lines were looked through for \(planted.count) secrets, texts and names.")
        bench.require("lines", Double(lines), .atLeast(30))
        bench.require("leaks", Double(leaks), .equal(0))
    }

    /// Everything that no log may hold: what was generated for the installation, what the visitor wrote and who that is.
    private func planted() throws -> [(name: String, text: String)] {
        let data = try Data(contentsOf: URL(filePath: stage.project.secretsFile))
        let secrets = try JSONDecoder().decode([String: String].self, from: data)
        // The shop's number is no secret: it stands in every receipt.
        let kept = secrets.filter { $0.key != "sandbox.yookassa_shop" }.sorted { $0.key < $1.key }
        return kept.map { ($0.key, $0.value) } + [
            ("the prompt", Self.prompt), ("the visitor's name", Self.visitor.firstName),
            ("the visitor's id", String(Self.visitor.id)),
        ]
    }
}
