internal import Concurrency
internal import Foundation

/// Certificates made for one test by the `openssl` command, which Debian's PostgreSQL brings along.
package final class TestCertificates: Sendable {
    private static let threads = BlockingExecutor(threads: 8, name: "openssl")
    /// Where all files are.
    package let folder: String

    /// `openssl` did not do what it should.
    package struct Failed: Error {
        package let output: String
    }

    /// Makes a folder with an authority: `ca.pem`, `ca.key`.
    package init() async throws {
        folder = NSTemporaryDirectory() + "atelier-tls-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try await run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/CN=test authority", "-keyout", path("ca.key"), "-out", path("ca.pem"),
        ])
    }

    deinit {
        // A folder that stays behind harms nobody.
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The path of a file in the folder.
    package func path(_ name: String) -> String { "\(folder)/\(name)" }

    /// Makes `<file>.pem` and `<file>.key`, signed by the authority.
    ///
    /// - Parameter names: Of the server, e.g. `DNS:localhost,IP:127.0.0.1`.
    package func issue(_ file: String, subject: String, names: String) async throws {
        try await run([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(subject)",
            "-addext", "subjectAltName=\(names)", "-keyout", path("\(file).key.new"), "-out", path("\(file).csr"),
        ])
        try await run([
            "x509", "-req", "-in", path("\(file).csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
            "-CAcreateserial", "-days", "30", "-copy_extensions", "copy", "-out", path("\(file).pem.new"),
        ])
        // As a certificate client would: whole files, moved into place.
        for kind in ["key", "pem"] {
            let new = try Data(contentsOf: URL(filePath: path("\(file).\(kind).new")))
            try new.write(to: URL(filePath: path("\(file).\(kind)")), options: .atomic)
        }
    }

    /// Runs `openssl` to its end; what it printed.
    @discardableResult
    package func run(_ arguments: [String], input: String = "") async throws -> String {
        let (status, output) = try await Self.call("openssl", arguments, input: input)
        guard status == 0 else { throw Failed(output: output) }
        return output
    }

    /// A TLS client that says nothing and leaves; what it printed, also if it failed.
    package func connect(_ port: Int, _ arguments: String...) async throws -> String {
        try await converse(port, "Q\n", arguments)
    }

    /// A TLS client that says something; what it printed until it left or was left.
    package func converse(_ port: Int, _ input: String, _ arguments: [String]) async throws -> String {
        let words = ["s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", path("ca.pem")] + arguments
        return try await Self.call("openssl", words, input: input).output
    }

    private static func call(
        _ program: String,
        _ arguments: [String],
        input: String
    ) async throws -> (status: Int32, output: String) {
        try await threads.run {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = [program] + arguments
            let (stdin, stdout) = (Pipe(), Pipe())
            process.standardInput = stdin
            process.standardOutput = stdout
            process.standardError = stdout
            try process.run()
            // A client that the server refused has left already, and its pipe is broken.
            try? stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try? stdin.fileHandleForWriting.close()
            let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: output, as: UTF8.self))
        }
    }
}
