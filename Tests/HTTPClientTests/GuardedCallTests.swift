import EventLoop
import Glibc
import HTTP
import HTTPClient
import Telemetry
import Testing

/// Downloads, redirects and the guard against private addresses.
@Suite struct GuardedCallTests {
    private let loop = EventLoop(name: "guard-test")

    private func client() -> HTTPClient {
        HTTPClient(loop: loop, metrics: Metrics(service: "test"), log: Log(service: "test", level: .error))
    }

    @Test(arguments: [
        "http://127.0.0.1:%/", "http://localhost:%/", "http://2130706433:%/", "http://0x7f000001:%/", "http://127.1:%/",
        "http://[::ffff:127.0.0.1]:%/", "http://0.0.0.0:%/", "http://[::1]:%/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/", "http://user@127.0.0.1:%/",
    ])
    func `a guarded call never reaches a private address, however it is written`(template: String) async throws {
        let server = RawServer { connection in while connection.read() != nil { connection.answer() } }
        defer { server.stop() }
        let client = client()
        let url = template.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "\(server.port)")
        do {
            _ = try await client.send(ClientRequest(url: url, timeout: .seconds(3), addresses: .publicOnly))
            Issue.record("the call was let through")
        } catch {
            #expect(error.code == .addressRefused)
            #expect(!error.mayHaveBeenSent)
        }
        #expect(server.accepted == 0)
        await client.shutdown()
    }

    @Test func `a guarded call does not inherit a private connection of an ordinary call`() async throws {
        let server = RawServer { connection in while connection.read() != nil { connection.answer() } }
        defer { server.stop() }
        let client = client()
        _ = try await client.send(ClientRequest(url: server.url()))
        do {
            _ = try await client.send(ClientRequest(url: server.url(), addresses: .publicOnly))
            Issue.record("the call was let through")
        } catch {
            #expect(error.code == .addressRefused)
        }
        #expect(server.requests.count == 1)
        await client.shutdown()
    }

    @Test func `redirects are followed as often as asked and without credentials for another origin`() async throws {
        let other = RawServer { connection in while connection.read() != nil { connection.answer(200, "there") } }
        defer { other.stop() }
        let target = other.url("/end")
        let server = RawServer { connection in
            while let request = connection.read() {
                let here = request.head.contains("GET /start")
                connection.answer(302, fields: "Location: \(here ? "/middle" : target)\r\n")
            }
        }
        defer { server.stop() }
        let client = client()
        var request = ClientRequest(
            url: server.url("/start"),
            fields: ["Authorization": "Bearer x"],
            followRedirects: 2
        )
        #expect(try await client.send(request).body == [UInt8]("there".utf8))
        #expect(server.requests.allSatisfy { $0.contains("Bearer x") })
        #expect(server.requests.count == 2)
        #expect(other.requests.allSatisfy { !$0.contains("Bearer x") })

        request.followRedirects = 1
        await #expect(throws: HTTPClientError.self) { try await client.send(request) }
        request.followRedirects = 0
        #expect(try await client.send(request).status == 302)
        request.followRedirects = 5
        request.method = .post
        #expect(try await client.send(request).status == 302)
        await client.shutdown()
    }

    @Test func `a redirect to another scheme is refused`() async throws {
        let server = RawServer { connection in
            while connection.read() != nil { connection.answer(302, fields: "Location: file:///etc/passwd\r\n") }
        }
        defer { server.stop() }
        let client = client()
        do {
            _ = try await client.send(ClientRequest(url: server.url(), followRedirects: 3))
            Issue.record("the redirect was followed")
        } catch {
            #expect(error.code == .addressRefused)
        }
        await client.shutdown()
    }

    @Test(arguments: [false, true])
    func `a download appears whole under its name, with its digest`(durably: Bool) async throws {
        let server = RawServer { connection in while connection.read() != nil { connection.answer(200, "abc") } }
        defer { server.stop() }
        let client = client()
        let path = temporaryPath()
        defer { unsafe unlink(path) }
        let file = try await client.download(
            ClientRequest(url: server.url()),
            to: path,
            maximumBytes: 3,
            durably: durably
        )
        #expect(file.bytes == 3)
        #expect(file.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(contents(path) == "abc")
        await client.shutdown()
    }

    @Test func `an empty download is an empty file`() async throws {
        let server = RawServer { connection in while connection.read() != nil { connection.answer(200) } }
        defer { server.stop() }
        let client = client()
        let path = temporaryPath()
        defer { unsafe unlink(path) }
        #expect(try await client.download(ClientRequest(url: server.url()), to: path, maximumBytes: 3).bytes == 0)
        #expect(contents(path) == "")
        await client.shutdown()
    }

    @Test func `a download that is too large, cut short or an error leaves no file`() async throws {
        let server = RawServer { connection in
            while let request = connection.read() {
                if request.head.contains("/missing") {
                    connection.answer(404, "no such file")
                } else if request.head.contains("/large") {
                    connection.answer(200, "abcd")
                } else {
                    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab")
                    return
                }
            }
        }
        defer { server.stop() }
        let client = client()
        let folder = temporaryPath()
        unsafe mkdir(folder, 0o700)
        defer { unsafe rmdir(folder) }
        for (target, code) in [("/large", HTTPClientError.Code.responseTooLarge), ("/cut", .connectionLost)] {
            do {
                _ = try await client.download(
                    ClientRequest(url: server.url(target)),
                    to: folder + "/file",
                    maximumBytes: 3
                )
                Issue.record("the download ended well")
            } catch {
                #expect(error.code == code)
            }
        }
        let missing = try await client.download(
            ClientRequest(url: server.url("/missing")),
            to: folder + "/file",
            maximumBytes: 3
        )
        #expect(missing.status == 404)
        #expect(missing.sha256 == nil)
        #expect(missing.errorBody == [UInt8]("no such file".utf8))
        #expect(unsafe rmdir(folder) == 0, "the folder is not empty")
        await client.shutdown()
    }

    private func contents(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1_000)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
