internal import Configuration
internal import Foundation
internal import HTTP
package import HTTPClient
package import Time

/// Why a call to the store gave nothing.
package enum ObjectStoreError: Error, Sendable, CustomStringConvertible {
    /// There is no such object.
    case absent
    /// The store said no.
    ///
    /// - Parameter code: The store's word, e.g. `AccessDenied`; empty if it said none.
    case refused(status: Int, code: String)
    case unreachable(HTTPClientError)

    package var description: String {
        switch self {
        case .absent: "object store: no such object"
        case .refused(let status, let code): "object store: \(status) \(code)"
        case .unreachable(let error): "object store: \(error)"
        }
    }
}

/// One bucket of a store that speaks S3's protocol, addressed by path (`<endpoint>/<bucket>/<key>`), which every such store
/// takes.
///
/// All calls may be repeated: a PUT of the same bytes is the same object, a DELETE of nothing is done. The client therefore
/// sends each up to three times within its deadline. Bodies are signed by their hash, so that a store keeps nothing that was
/// damaged on the way. Keys and signatures are never logged.
package struct ObjectBucket: Sendable {
    /// Where the bucket is and who asks.
    package struct Configuration: Sendable {
        /// `https://storage.example.org`, without a slash at the end; may have a path.
        package var endpoint: String
        package var bucket: String
        /// Stands in front of every key, e.g. `atelier/`.
        package var prefix: String
        package var signing: SigningV4
        /// Where the outside reaches the store, for presigned addresses; nil if it does not.
        package var publicEndpoint: String?

        package init(
            endpoint: String,
            bucket: String,
            prefix: String,
            signing: SigningV4,
            publicEndpoint: String? = nil
        ) {
            self.endpoint = endpoint
            self.bucket = bucket
            self.prefix = prefix
            self.signing = signing
            self.publicEndpoint = publicEndpoint
        }
    }

    /// Bytes of an object.
    package struct Part: Sendable {
        package var bytes: [UInt8]
        /// Size of the whole object.
        package var total: Int64
    }

    package let configuration: Configuration
    private let http: HTTPClient
    private let clock: WallClock

    /// For calls that carry no file.
    private static let timeout = Duration.seconds(15)
    /// A file may take this long, and a second more for each of these bytes.
    private static let fileTimeout = Duration.seconds(30)
    private static let slowestTransfer: Int64 = 256 << 10

    package init(_ configuration: Configuration, http: HTTPClient, clock: WallClock) {
        self.configuration = configuration
        self.http = http
        self.clock = clock
    }

    /// Stores a file, read while it is sent.
    ///
    /// - Parameters:
    ///   - sha256: Lower-case hex of the file's hash; the store refuses other bytes.
    ///   - bytes: The file's size; decides how long it may take.
    package func put(file: String, as key: String, sha256: String, bytes: Int64, contentType: String)
        async throws(ObjectStoreError)
    {
        var request = request(.put, key, payloadHash: sha256, [("Content-Type", contentType)])
        request.body = .file(path: file)
        request.timeout = Self.fileTimeout + .seconds(bytes / Self.slowestTransfer)
        let response: ClientResponse
        do { response = try await http.send(request) } catch { throw .unreachable(error) }
        try Self.check(response.status, response.body)
    }

    /// Reads a part of an object into memory.
    ///
    /// - Parameter length: At least 1. Less comes back where the object ends earlier.
    package func read(_ key: String, offset: Int64, length: Int64) async throws(ObjectStoreError) -> Part {
        var request = request(.get, key, [("Range", "bytes=\(offset)-\(offset + length - 1)")])
        // A refusal comes with words of its own.
        request.maximumResponseBytes = max(Int(length), 64 << 10)
        let response: ClientResponse
        do { response = try await http.send(request) } catch { throw .unreachable(error) }
        try Self.check(response.status, response.body)
        let total = response.fields["Content-Range"].flatMap { $0.split(separator: "/").last }.flatMap { Int64($0) }
        return Part(bytes: response.body, total: total ?? Int64(response.body.count))
    }

    /// Copies an object into a file.
    package func download(_ key: String, to path: String, maximumBytes: Int64) async throws(ObjectStoreError) {
        var request = request(.get, key)
        request.timeout = Self.fileTimeout + .seconds(maximumBytes / Self.slowestTransfer)
        let answer: DownloadedFile
        do {
            answer = try await http.download(request, to: path, maximumBytes: maximumBytes)
        } catch { throw .unreachable(error) }
        try Self.check(answer.status, answer.errorBody)
    }

    /// The size of an object; nil if there is none.
    package func size(of key: String) async throws(ObjectStoreError) -> Int64? {
        let response: ClientResponse
        do { response = try await http.send(request(.head, key)) } catch { throw .unreachable(error) }
        if response.status == 404 { return nil }
        try Self.check(response.status, [])
        return response.fields["Content-Length"].flatMap { Int64($0) }
    }

    /// Removes an object; one that is not there counts as removed.
    package func delete(_ key: String) async throws(ObjectStoreError) {
        let response: ClientResponse
        do { response = try await http.send(request(.delete, key)) } catch { throw .unreachable(error) }
        if response.status == 404 { return }
        try Self.check(response.status, response.body)
    }

    /// An address under which anybody can fetch the object until it expires; nil if the outside does not reach the store.
    ///
    /// - Parameters:
    ///   - time: When the address begins to be good; must not be in the future by the store's clock.
    ///   - seconds: At most `SigningV4.longestExpiry`.
    ///   - fileName: What a browser saves it as: ASCII without quotes.
    package func link(to key: String, from time: Timestamp, seconds: Int64, fileName: String) -> String? {
        guard let endpoint = configuration.publicEndpoint else { return nil }
        let (host, path) = Self.split(endpoint)
        let request = SigningV4.Request(
            method: "GET",
            path: path + self.path(of: key),
            query: [("response-content-disposition", "attachment; filename=\"\(fileName)\"")],
            fields: [("Host", host)]
        )
        let query = configuration.signing.presigned(request, at: time, seconds: seconds)
        return endpoint + self.path(of: key) + "?" + query
    }

    private func path(of key: String) -> String {
        "/"
            + ([configuration.bucket] + (configuration.prefix + key).split(separator: "/").map(String.init))
            .map(percentEncode).joined(separator: "/")
    }

    private func request(
        _ method: HTTPMethod,
        _ key: String,
        payloadHash: String = SigningV4.emptyPayload,
        _ extra: [(name: String, value: String)] = []
    ) -> ClientRequest {
        let (host, path) = Self.split(configuration.endpoint)
        let now = clock.now
        var signed = SigningV4.Request(method: method.rawValue, path: path + self.path(of: key), fields: extra)
        signed.fields += [
            ("Host", host), ("x-amz-content-sha256", payloadHash), ("x-amz-date", SigningV4.stamp(now)),
        ]
        var fields: HTTPFields = [
            "Authorization": configuration.signing.authorization(for: signed, payloadHash: payloadHash, at: now)
        ]
        for (name, value) in signed.fields { fields.add(name, value) }
        var request = ClientRequest(
            method: method,
            url: configuration.endpoint + self.path(of: key),
            fields: fields,
            timeout: Self.timeout,
            peer: "object_store",
            circuit: Circuit("object_store:\(configuration.endpoint)")
        )
        request.retry = .safe
        return request
    }

    /// Host with port, and the path of an endpoint.
    private static func split(_ endpoint: String) -> (host: String, path: String) {
        let rest = endpoint.firstRange(of: "://").map { endpoint[$0.upperBound...] } ?? endpoint[...]
        guard let slash = rest.firstIndex(of: "/") else { return (String(rest), "") }
        return (String(rest[..<slash]), String(rest[slash...]))
    }

    private static func check(_ status: Int, _ body: [UInt8]) throws(ObjectStoreError) {
        guard !(200..<300).contains(status) else { return }
        let text = String(decoding: body.prefix(4_096), as: UTF8.self)
        let code = text.firstRange(of: "<Code>").map { String(text[$0.upperBound...].prefix { $0 != "<" }) } ?? ""
        if status == 404, code != "NoSuchBucket" { throw .absent }
        throw .refused(status: status, code: String(code.prefix(64)))
    }
}
