internal import Concurrency
package import Configuration
internal import Cryptography
internal import Foundation
internal import HTTP
internal import ObjectStorage
internal import Time

/// A store that speaks as much of S3's protocol as assets need, over real sockets, and checks every signature and hash.
package final class FakeS3: Sendable {
    private struct State {
        var objects: [String: [UInt8]] = [:]
        var refusals: [Int] = []
        var calls: [String] = []
    }

    package static let accessKey = "AKIDTESTING"
    package static let secretKey = Secret("a-secret/of+tests")
    package static let bucket = "pictures"

    private let state = Locked(State())
    private let server = Locked<StubServer?>(nil)

    /// Starts on a free port.
    package static func start() async throws -> FakeS3 {
        let store = FakeS3()
        let server = try await StubServer.start { request in store.answer(request) }
        store.server.withLock { $0 = server }
        return store
    }

    package var url: String { server.withLock { $0?.url } ?? "" }

    /// Objects by key, without the bucket.
    package var objects: [String: [UInt8]] { state.withLock { $0.objects } }
    /// `PUT key`, `GET key` and so on, refused ones included.
    package var calls: [String] { state.withLock { $0.calls } }

    /// Answers the next calls with these statuses.
    package func refuse(_ statuses: Int...) { state.withLock { $0.refusals += statuses } }
    /// Takes an object away, as an operator might.
    package func lose(_ key: String) { state.withLock { _ = $0.objects.removeValue(forKey: key) } }

    package func stop() async {
        let server = server.withLock { $0 }
        await server?.stop()
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        let path = percentDecode(request.path) ?? ""
        guard path.hasPrefix("/\(Self.bucket)/") else { return Self.error(404, "NoSuchBucket") }
        let key = String(path.dropFirst(Self.bucket.count + 2))
        let refusal = state.withLock { state -> Int? in
            state.calls.append("\(request.method) \(key)")
            return state.refusals.isEmpty ? nil : state.refusals.removeFirst()
        }
        if let refusal { return Self.error(refusal, "Scripted") }
        guard Self.isSigned(request) else { return Self.error(403, "SignatureDoesNotMatch") }
        switch request.method {
        case .put: return put(request, key)
        case .delete:
            state.withLock { _ = $0.objects.removeValue(forKey: key) }
            return HTTPResponse(status: 204)
        default: return get(request, key)
        }
    }

    private func put(_ request: HTTPRequest, _ key: String) -> HTTPResponse {
        guard request.fields["x-amz-content-sha256"] == Hex.encode(SHA256.hash(request.body)) else {
            return Self.error(400, "XAmzContentSHA256Mismatch")
        }
        state.withLock { $0.objects[key] = request.body }
        return HTTPResponse(status: 200)
    }

    private func get(_ request: HTTPRequest, _ key: String) -> HTTPResponse {
        guard let bytes = state.withLock({ $0.objects[key] }) else { return Self.error(404, "NoSuchKey") }
        var fields: HTTPFields = [:]
        if let disposition = request.query["response-content-disposition"] {
            fields["Content-Disposition"] = disposition
        }
        switch ByteRange(request.fields["Range"], size: Int64(bytes.count)) {
        case .whole: return HTTPResponse(status: 200, fields: fields, body: .bytes(bytes))
        case .unsatisfiable: return Self.error(416, "InvalidRange")
        case .part(let offset, let length):
            fields["Content-Range"] = "bytes \(offset)-\(offset + length - 1)/\(bytes.count)"
            let part = Array(bytes[Int(offset)..<Int(offset + length)])
            return HTTPResponse(status: 206, fields: fields, body: .bytes(part))
        }
    }

    private static func error(_ status: Int, _ code: String) -> HTTPResponse {
        HTTPResponse(
            status: status,
            fields: ["Content-Type": "application/xml"],
            body: .bytes(Array("<Error><Code>\(code)</Code></Error>".utf8))
        )
    }

    /// Signs what arrived once more and compares.
    private static func isSigned(_ request: HTTPRequest) -> Bool {
        let signing = SigningV4(accessKey: accessKey, secretKey: secretKey, region: "test-1")
        let query = Array(request.query)
        guard let text = request.query["X-Amz-Signature"] else {
            guard let given = request.fields["Authorization"], let date = request.fields["x-amz-date"],
                let time = time(date), let names = member("SignedHeaders", given)
            else { return false }
            let fields = names.split(separator: ";").map { (String($0), request.fields[String($0)] ?? "") }
            let signed = SigningV4.Request(
                method: request.method.rawValue,
                path: request.path,
                query: query,
                fields: fields
            )
            let hash = request.fields["x-amz-content-sha256"] ?? ""
            return names.contains("host") && names.contains("x-amz-content-sha256")
                && signing.authorization(for: signed, payloadHash: hash, at: time) == given
        }
        guard let time = request.query["X-Amz-Date"].flatMap(Self.time), let expires = request.query["X-Amz-Expires"],
            let seconds = Int64(expires), WallClock.system.now < time + .seconds(seconds)
        else { return false }
        let plain = query.filter { !$0.name.hasPrefix("X-Amz-") }
        let signed = SigningV4.Request(
            method: request.method.rawValue,
            path: request.path,
            query: plain,
            fields: [("host", request.fields["Host"] ?? "")]
        )
        return signing.presigned(signed, at: time, seconds: seconds).hasSuffix("X-Amz-Signature=\(text)")
    }

    private static func member(_ name: String, _ header: String) -> String? {
        header.firstRange(of: "\(name)=").map { String(header[$0.upperBound...].prefix { $0 != "," }) }
    }

    private static func time(_ stamp: String) -> Timestamp? {
        let digits = Array(stamp.filter(\.isNumber))
        guard digits.count == 14 else { return nil }
        let parts = [0..<4, 4..<6, 6..<8, 8..<10, 10..<12, 12..<14].map { String(digits[$0]) }
        return Timestamp(rfc3339: "\(parts[0])-\(parts[1])-\(parts[2])T\(parts[3]):\(parts[4]):\(parts[5])Z")
    }
}
