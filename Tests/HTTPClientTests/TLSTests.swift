import EventLoop
import Foundation
import HTTP
import HTTPClient
import Telemetry
import Testing

/// TLS against `openssl s_server`, where the tool is installed; it is no build dependency.
@Suite struct TLSTests {
    private static let tool = "/usr/bin/openssl"
    private let loop = EventLoop(name: "tls-test")

    private func client(trusting file: String? = nil) -> HTTPClient {
        HTTPClient(
            loop: loop,
            configuration: HTTPClientConfiguration(certificateAuthorityFile: file),
            metrics: Metrics(service: "test"),
            log: Log(service: "test", level: .error)
        )
    }

    @Test func `a server that does not speak TLS is told apart and certainly got no request`() async throws {
        let server = RawServer { $0.write("220 mail.example.com ESMTP\r\n") }
        defer { server.stop() }
        let client = client()
        do {
            _ = try await client.send(
                ClientRequest(method: .post, url: "https://127.0.0.1:\(server.port)/", body: .bytes([1]))
            )
            Issue.record("the call was answered")
        } catch {
            #expect(error.code == .tlsFailed)
            #expect(!error.mayHaveBeenSent)
        }
        await client.shutdown()
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: tool)))
    func `a certificate is trusted if and only if its authority is, and only for its name`() async throws {
        let folder = temporaryPath()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (key, certificate) = (folder + "/key.pem", folder + "/certificate.pem")
        let making = try start(
            "req",
            "-x509",
            "-newkey",
            "ed25519",
            "-nodes",
            "-keyout",
            key,
            "-out",
            certificate,
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost"
        )
        making.process.waitUntilExit()
        let server = try start("s_server", "-accept", "0", "-www", "-key", key, "-cert", certificate)
        defer { server.process.terminate() }
        let port = try port(of: server.output)

        let trusting = client(trusting: certificate)
        let answer = try await trusting.send(ClientRequest(url: "https://localhost:\(port)/"))
        #expect(answer.status == 200)
        for (client, url) in [(client(), "https://localhost:\(port)/"), (trusting, "https://127.0.0.1:\(port)/")] {
            do {
                _ = try await client.send(ClientRequest(url: url))
                Issue.record("the call was answered")
            } catch {
                #expect(error.code == .tlsFailed)
                #expect(!error.mayHaveBeenSent)
            }
            await client.shutdown()
        }
    }

    private func start(_ arguments: String...) throws -> (process: Process, output: FileHandle) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: Self.tool)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return (process, output.fileHandleForReading)
    }

    /// `s_server` says `ACCEPT 0.0.0.0:43210` once it listens.
    private func port(of output: FileHandle) throws -> Int {
        var text = ""
        while !text.contains("ACCEPT") || text.last != "\n" {
            let data = output.availableData
            try #require(!data.isEmpty, "openssl s_server ended early")
            text += String(decoding: data, as: UTF8.self)
        }
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("ACCEPT") })
        return try #require(line.split(separator: ":").last.flatMap { Int($0) })
    }
}
