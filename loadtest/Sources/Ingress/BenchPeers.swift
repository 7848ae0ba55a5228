internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem

/// What ingress is compared with: nginx that answers a constant, and aiogram on the same PostgreSQL.
struct BenchPeers {
    let rig: Rig
    let loop: EventLoop

    /// A certificate for the loopback address, signed by itself; PEM files.
    func certificate() async throws -> (file: String, key: String) {
        let (file, key) = (rig.project.state + "/server.pem", rig.project.state + "/server.key")
        _ = try await Tool.output(
            Tool.find("openssl", package: "openssl"),
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-keyout", key, "-out", file,
            ]
        )
        return (file, key)
    }

    /// One worker, keep-alive without end, an empty 200 for everything.
    ///
    /// - Parameter listen: What the listener speaks, in nginx' words; plain HTTP/1.1 unless it says otherwise.
    func nginx(port: Int, listen: String = "", certificate: (file: String, key: String)? = nil) async throws
        -> RunningProcess
    {
        let tls = certificate.map { "ssl_certificate \($0.file); ssl_certificate_key \($0.key);" } ?? ""
        let folder = rig.project.state + "/nginx\(port)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let configuration = """
            daemon off; worker_processes 1; pid \(folder)/pid; error_log \(folder)/error.log;
            events { worker_connections 4096; }
            http {
                access_log off; keepalive_requests 1000000000; client_body_buffer_size 16k;
                client_body_temp_path \(folder)/body; proxy_temp_path \(folder)/proxy; fastcgi_temp_path \(folder)/fastcgi;
                uwsgi_temp_path \(folder)/uwsgi; scgi_temp_path \(folder)/scgi;
                server { listen 127.0.0.1:\(port) backlog=4096 \(listen); \(tls) location / { return 200; } }
            }
            """
        try configuration.write(toFile: folder + "/nginx.conf", atomically: true, encoding: .utf8)
        let process = try RunningProcess(
            "nginx",
            Command(
                executable: Tool.find("nginx", package: "nginx-light"),
                arguments: ["-c", folder + "/nginx.conf", "-p", folder, "-e", folder + "/error.log"],
                output: .file(rig.project.log("nginx"))
            )
        )
        try await waitForPort(port, process)
        return process
    }

    /// Where aiogram of a kind keeps its updates.
    static func aiogramTable(_ kind: String) -> (name: String, database: String) { ("peer_update", "peer_\(kind)") }

    /// - Parameter kind: See loadtest/peers/aiogram/peer.py.
    func aiogram(_ kind: String, python: String, port: Int, secret: String) async throws -> RunningProcess {
        let name = Self.aiogramTable(kind).database
        _ = try await rig.psql("create database \(name)")
        let url = rig.cluster.placement.url(database: name, user: Cluster.administrator)
        let process = try RunningProcess(
            name,
            Command(
                executable: python,
                arguments: [
                    rig.project.root + "/loadtest/peers/aiogram/peer.py", "--kind", kind, "--port", "\(port)",
                    "--database", url, "--secret", secret,
                ],
                output: .file(rig.project.log(name))
            )
        )
        try await waitForPort(port, process)
        return process
    }

    private func waitForPort(_ port: Int, _ process: RunningProcess) async throws {
        for _ in 0..<1_000 {
            if !HostSystem.isFree(port: port) { return }
            if process.ending != nil { break }
            try await loop.sleep(for: .milliseconds(20))
        }
        throw OperatorError(
            "\(process.name) does not listen:\n\(LogTail.last(ofFile: rig.project.log(process.name)))",
            ""
        )
    }
}
