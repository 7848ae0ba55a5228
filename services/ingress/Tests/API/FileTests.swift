import Concurrency
import Contracts
import Cryptography
import EventLoop
import Foundation
import Glibc
import HTTP
import HTTPClient
import ServiceKit
import TestSupport
import Testing
import Time

@testable import IngressService

/// A generation that has one file and says which parts it was asked for.
private struct AssetStub: Sendable {
    let server: StubServer
    let ranges: Locked<[String]>
    let isAway: Locked<Bool>

    static func start(size: Int) async throws -> AssetStub {
        let ranges = Locked<[String]>([])
        let isAway = Locked(false)
        let server = try await StubServer.start { request in
            if isAway.withLock({ $0 }) { return .json(503, try ContractJSON.encode(Problem(.unavailable))) }
            guard request.path == "/v1/assets/\(FileTests.asset)" else {
                return .json(404, try ContractJSON.encode(Problem(.assetNotFound)))
            }
            ranges.withLock { $0.append(request.fields["Range"] ?? "") }
            guard case .part(let offset, let length) = ByteRange(request.fields["Range"], size: Int64(size)) else {
                return HTTPResponse(status: 416, fields: ["Content-Range": "bytes */\(size)"])
            }
            return HTTPResponse(
                status: 206,
                fields: [
                    "ETag": "\"tag\"", "Content-Type": "video/mp4",
                    "Content-Disposition": "inline; filename=\"cat.mp4\"",
                    "Content-Range": "bytes \(offset)-\(offset + length - 1)/\(size)",
                ],
                body: .bytes(FileTests.bytes(from: offset, count: length))
            )
        }
        return AssetStub(server: server, ranges: ranges, isAway: isAway)
    }

    private init(server: StubServer, ranges: Locked<[String]>, isAway: Locked<Bool>) {
        self.server = server
        self.ranges = ranges
        self.isAway = isAway
    }
}

@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct FileTests {
    static let asset = AssetID()
    private let key = Ed25519.PrivateKey()
    private static let size = 5 << 20

    /// The bytes of a file at a place, so that a wrong piece is noticed.
    static func bytes(from offset: Int64, count: Int64) -> [UInt8] {
        (offset..<offset + count).map { UInt8(truncatingIfNeeded: $0 / 251 &+ $0) }
    }

    private func link(_ asset: AssetID = FileTests.asset, seconds: Int64 = 600, key: Ed25519.PrivateKey? = nil)
        -> String
    {
        let expiresAt = Timestamp(seconds: WallClock.system.now.microseconds / 1_000_000 + seconds)
        let message = FileLink.signedMessage(asset: asset, expiresAt: expiresAt)
        return FileLink(asset: asset, expiresAt: expiresAt, signature: (key ?? self.key).sign(message)).text
    }

    private func withIngress(
        size: Int = FileTests.size,
        _ body: (TestService<IngressService>, AssetStub) async throws -> Void
    ) async throws {
        let stub = try await AssetStub.start(size: size)
        try await TestService<IngressService>.run(
            environment: [
                "ATELIER_TELEGRAM_BOTS": "main=right",
                "ATELIER_KIE_CALLBACK_PUBLIC_KEY": Base64URL.encode(key.publicKey.bytes),
                "ATELIER_URL_GENERATION": stub.server.url, "ATELIER_TRUSTED_PROXIES": "127.0.0.0/8",
            ]
        ) { service in try await body(service, stub) }
        await stub.server.stop()
    }

    private func get(
        _ service: TestService<IngressService>,
        _ signed: String,
        method: HTTPMethod = .get,
        fields: HTTPFields = [:]
    ) async throws -> ClientResponse {
        let port = try #require(service.runner.publicPort)
        return try await service.runner.context.http.send(
            ClientRequest(method: method, url: "http://127.0.0.1:\(port)/files/\(signed)", fields: fields)
        )
    }

    @Test func `a link gives the whole file, and its head alone when only that is asked for`() async throws {
        try await withIngress { service, stub in
            let whole = try await get(service, link())
            #expect(whole.status == 200)
            #expect(whole.body == Self.bytes(from: 0, count: Int64(Self.size)))
            #expect(whole.fields["Content-Type"] == "video/mp4")
            #expect(whole.fields["Content-Disposition"] == "attachment; filename=\"cat.mp4\"")
            #expect(whole.fields["X-Content-Type-Options"] == "nosniff")
            stub.ranges.withLock { $0 = [] }
            let head = try await get(service, link(), method: .head)
            #expect(head.status == 200)
            #expect(head.fields["Content-Length"] == "\(Self.size)")
            #expect(head.body.isEmpty)
            #expect(stub.ranges.withLock { $0 } == ["bytes=0-0"])
        }
    }

    @Test(arguments: [
        ("bytes=100-199", 206, "bytes 100-199/5242880", 100),
        ("bytes=5242870-", 206, "bytes 5242870-5242879/5242880", 10),
        ("bytes=-7", 206, "bytes 5242873-5242879/5242880", 7), ("bytes=9999999-", 416, "bytes */5242880", 0),
        ("bytes=0-1,5-6", 200, nil, 5_242_880), ("lines=1-2", 200, nil, 5_242_880),
    ])
    func `parts are served as asked`(range: String, status: Int, contentRange: String?, count: Int) async throws {
        try await withIngress { service, _ in
            let part = try await get(service, link(), fields: ["Range": range])
            #expect(part.status == status)
            #expect(part.fields["Content-Range"] == contentRange)
            #expect(part.body.count == count)
            if status == 206, let first = contentRange?.split(whereSeparator: { " -".contains($0) }).dropFirst().first {
                #expect(part.body == Self.bytes(from: try #require(Int64(first)), count: Int64(count)))
            }
        }
    }

    @Test func `what is no good link is told apart, and nothing is asked of generation`() async throws {
        try await withIngress { service, stub in
            let forged = link(key: Ed25519.PrivateKey())
            let token = CallbackToken(attempt: UUID(), signature: key.sign([1]))
            for (signed, status) in [
                (forged, 403), (link(seconds: -1), 410), (token.text, 404), ("x", 404), ("..%2f..%2fetc%2fpasswd", 404),
                ("http:%2F%2Fexample.org", 404), (String(link().dropLast()), 404),
            ] {
                let answer = try await get(service, signed)
                #expect(answer.status == status, "\(signed)")
                #expect(answer.fields["Location"] == nil)
            }
            #expect(stub.ranges.withLock { $0.isEmpty })
            // Signed and in time, and the file is gone.
            #expect(try await get(service, link(AssetID())).status == 404)
        }
    }

    @Test func `a known file is not sent again, and a part of another version is not glued on`() async throws {
        try await withIngress { service, _ in
            #expect(try await get(service, link(), fields: ["If-None-Match": "\"tag\""]).status == 304)
            let other = try await get(service, link(), fields: ["Range": "bytes=0-9", "If-Range": "\"older\""])
            #expect(other.status == 200)
            let same = try await get(service, link(), fields: ["Range": "bytes=0-9", "If-Range": "\"tag\""])
            #expect(same.status == 206)
        }
    }

    @Test func `a restart of generation in the middle is only a pause`() async throws {
        try await withIngress { service, stub in
            let port = try #require(service.runner.publicPort)
            let reader = SlowReader(port: port, target: "/files/\(link())")
            defer { reader.close() }
            let first = reader.read(atLeast: 100_000)
            stub.isAway.withLock { $0 = true }
            let before = stub.ranges.withLock { $0.count }
            try await service.runner.context.loop.sleep(for: .milliseconds(300))
            stub.isAway.withLock { $0 = false }
            #expect(first + reader.readAll() > Self.size)
            #expect(stub.ranges.withLock { $0.count } > before)
        }
    }

    @Test func `a slow reader holds pieces, not the file, and lets its place go when it leaves`() async throws {
        try await withIngress(size: 64 << 20) { service, stub in
            let port = try #require(service.runner.publicPort)
            let reader = SlowReader(port: port, target: "/files/\(link())")
            #expect(reader.read(atLeast: 10_000) >= 10_000)
            try await service.runner.context.loop.sleep(for: .milliseconds(300))
            // What the kernel and the output queue take, and no more: a few pieces of 128.
            #expect(stub.ranges.withLock { $0.count } < 30)
            let metrics = try await service.runner.context.http.send(ClientRequest(url: service.url + "/metrics")).body
            #expect(
                String(decoding: metrics, as: UTF8.self).contains("atelier_ingress_file_streams{service=\"ingress\"} 1")
            )
            reader.close()
            try await eventually {
                let text = try await service.runner.context.http.send(ClientRequest(url: service.url + "/metrics")).body
                return String(decoding: text, as: UTF8.self).contains(
                    "atelier_ingress_file_streams{service=\"ingress\"} 0"
                )
            }
        }
    }

    @Test func `an address has so many streams and requests, others have theirs`() async throws {
        try await withIngress(size: 64 << 20) { service, _ in
            let port = try #require(service.runner.publicPort)
            let readers = (0..<4).map { _ in
                SlowReader(port: port, target: "/files/\(link())", forwardedFor: "192.0.2.1")
            }
            for reader in readers { #expect(reader.read(atLeast: 1_000) >= 1_000) }
            let fifth = try await get(service, link(), method: .head, fields: ["X-Forwarded-For": "192.0.2.1"])
            #expect(fifth.status == 429)
            #expect(fifth.fields["Retry-After"] != nil)
            let other = try await get(service, link(), method: .head, fields: ["X-Forwarded-For": "192.0.2.2"])
            #expect(other.status == 200)
            for reader in readers { reader.close() }
            // One comes back every two seconds, so that the last one of a slow machine may be let in.
            var statuses: [Int] = []
            for _ in 0..<40 {
                statuses.append(try await get(service, "x", fields: ["X-Forwarded-For": "192.0.2.3"]).status)
            }
            #expect(statuses.prefix(30).allSatisfy { $0 == 404 })
            #expect(statuses.dropFirst(30).contains(429))
        }
    }
}

/// A client on a bare socket with a small window that reads only when it is told to. Blocks its thread for moments.
private final class SlowReader: Sendable {
    private let descriptor: Int32

    init(port: Int, target: String, forwardedFor: String = "127.0.0.1") {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var window: Int32 = 32_768
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &window, socklen_t(MemoryLayout<Int32>.size))
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        let text = "GET \(target) HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(forwardedFor)\r\nConnection: close\r\n\r\n"
        let request = Array(text.utf8)
        _ = unsafe request.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    }

    /// Reads until it has so many bytes, or nothing comes.
    func read(atLeast wanted: Int) -> Int {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var total = 0
        while total < wanted {
            let room = min(buffer.count, wanted - total)
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, room) }
            guard count > 0 else { break }
            total += count
        }
        return total
    }

    func readAll() -> Int { read(atLeast: .max) }

    func close() { Glibc.close(descriptor) }
}
