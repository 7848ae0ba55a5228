internal import EventLoop
internal import Foundation
internal import Glibc
internal import Lifecycle
internal import LoadtestKit
internal import LocalSystem

/// A server under load: ours or the one that it is compared with. One worker each.
struct Contestant: Sendable {
    let name: String
    let port: Int
    private let scheme: String
    private let process: RunningProcess

    /// CPU time of the whole server so far, in seconds.
    var cpuSeconds: Double { ProcessUsage.ofTree(process.pid).cpuSeconds }
    var residentBytes: Int64 { ProcessUsage.ofTree(process.pid).residentBytes }

    func url(_ path: String = "/webhooks/telegram/main") -> String {
        "\(scheme)://127.0.0.1:\(port)\(path)"
    }

    func stop(_ loop: EventLoop) async throws {
        try await process.stop(loop)
    }

    /// Our edge, see `EdgeServer`; with a certificate over TLS.
    static func ours(
        _ folder: ServerFolder,
        _ loop: EventLoop,
        _ certificate: Certificate? = nil
    ) async throws -> Contestant {
        let output = folder.path(certificate == nil ? "edge.log" : "edge-tls.log")
        let arguments = ["edge-server"] + (certificate.map { [$0.file, $0.key] } ?? [])
        let process = try RunningProcess(
            "edge",
            Cores.server(Command(executable: folder.executable, arguments: arguments, output: .file(output)))
        )
        for _ in 0..<500 {
            let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
            if let port = text.split(separator: "\n").first.flatMap({ Int($0) }), text.hasSuffix("\n") {
                let scheme = certificate == nil ? "http" : "https"
                return Contestant(name: "ours", port: port, scheme: scheme, process: process)
            }
            try await loop.sleep(for: .milliseconds(20))
        }
        throw OperatorError("The edge server does not start.", "See \(output).")
    }

    static func nginx(
        _ folder: ServerFolder,
        _ loop: EventLoop,
        _ wire: Wire,
        _ certificate: Certificate
    ) async throws -> Contestant {
        let port = try Tool.freePort()
        let files = "ssl_certificate \(certificate.file); ssl_certificate_key \(certificate.key);"
        let configuration = try folder.fill(
            "nginx.conf",
            ["PORT": "\(port)", "OPTIONS": wire.nginxListenOptions, "TLS": wire.isSecure ? files : ""],
            as: "nginx-\(wire).conf"
        )
        let process = try RunningProcess(
            "nginx",
            Cores.server(
                Command(
                    executable: try Tool.find("nginx", package: "nginx"),
                    arguments: ["-c", configuration],
                    output: .file(folder.path("nginx.out"))
                )
            )
        )
        for _ in 0..<500 where HostSystem.isFree(port: port) { try await loop.sleep(for: .milliseconds(20)) }
        return Contestant(name: "nginx", port: port, scheme: wire.scheme, process: process)
    }
}

/// The server under load has the first core, the load generator the last one: else the kernel puts both on one for some
/// milliseconds now and then, and the slowest hundredth of the answers tells only that.
enum Cores {
    private static let last = sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1

    /// The same program on the first core.
    static func server(_ command: Command) -> Command {
        var pinned = command
        pinned.executable = "/usr/bin/taskset"
        pinned.arguments = ["-c", "0", command.executable] + command.arguments
        return pinned
    }

    /// Keeps this process, and the load generators that it starts, on the last core; before whatever else this machine
    /// does if it may (root), as the servers too.
    static func takeLoad() throws {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -10)
        _ = try Command(executable: "/usr/bin/taskset", arguments: ["-a", "-c", "-p", "\(last)", "\(getpid())"])
            .runAndWait()
    }
}

/// A certificate and its key, PEM files.
struct Certificate: Sendable {
    let file: String
    let key: String
}

/// Where a benchmark's servers keep their files, and where their templates are.
struct ServerFolder: Sendable {
    let folder: String
    private let templates: String
    let executable: String

    /// Makes the folder anew.
    init(_ name: String) throws {
        let project = Project.current()
        folder = project.state + "/loadtest/\(name)"
        templates = project.root + "/loadtest/peers/http"
        executable = project.binary("loadtest-platform")
        // The last run's files, if there are any.
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        DescriptorLimit.raise()
        try Cores.takeLoad()
    }

    func path(_ name: String) -> String { "\(folder)/\(name)" }
    func template(_ name: String) -> String { "\(templates)/\(name)" }

    /// Makes a certificate for the loopback address, signed by itself.
    func makeCertificate() async throws -> Certificate {
        let certificate = Certificate(file: path("server.pem"), key: path("server.key"))
        _ = try await Tool.output(
            Tool.find("openssl", package: "openssl"),
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-keyout", certificate.key, "-out", certificate.file,
            ]
        )
        return certificate
    }

    /// Writes a template into the folder, perhaps under another name, with its `@NAME@`s replaced; `FOLDER` is the folder.
    func fill(_ name: String, _ values: [String: String], as result: String? = nil) throws -> String {
        var text = try String(contentsOfFile: template(name), encoding: .utf8)
        for (key, value) in values.merging(["FOLDER": folder], uniquingKeysWith: { first, _ in first }) {
            text = text.replacingOccurrences(of: "@\(key)@", with: value)
        }
        let file = path(result ?? name)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}
