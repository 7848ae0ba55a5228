package import Configuration
internal import Cryptography
internal import HTTP
package import Time

/// AWS Signature Version 4, as S3 and the stores that speak its protocol check it. Pure.
///
/// The path is signed as it is given: S3 encodes it once and does not normalise dots, unlike other services.
package struct SigningV4: Sendable {
    /// Names the key; not secret, but of no use in logs.
    package var accessKey: String
    package var secretKey: Secret
    /// E.g. `us-east-1`; stores that have no regions take any.
    package var region: String
    package var service: String

    package init(accessKey: String, secretKey: Secret, region: String, service: String = "s3") {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.region = region
        self.service = service
    }

    /// What a signature covers.
    package struct Request: Sendable {
        package var method: String
        /// Absolute and percent-encoded already.
        package var path: String
        /// Decoded names and values.
        package var query: [(name: String, value: String)]
        /// Header fields that are signed; `Host` must be one of them.
        package var fields: [(name: String, value: String)]

        package init(
            method: String,
            path: String,
            query: [(name: String, value: String)] = [],
            fields: [(name: String, value: String)]
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.fields = fields
        }
    }

    /// The hash of no payload at all.
    package static let emptyPayload = Hex.encode(SHA256.hash([]))
    /// Stands for the hash of a payload that is not signed.
    package static let unsignedPayload = "UNSIGNED-PAYLOAD"
    /// The longest life of a presigned address, in seconds.
    package static let longestExpiry: Int64 = 604_800
    private static let algorithm = "AWS4-HMAC-SHA256"

    /// The value of `Authorization`.
    ///
    /// - Parameters:
    ///   - payloadHash: Lower-case hex of the body's SHA-256, or `unsignedPayload`.
    ///   - time: The same as in `x-amz-date`; stores refuse one that is more than 15 minutes off.
    package func authorization(for request: Request, payloadHash: String, at time: Timestamp) -> String {
        let signed = Self.signedNames(request.fields)
        let signature = signature(of: Self.canonical(request, payloadHash: payloadHash), at: time)
        return "\(Self.algorithm) Credential=\(accessKey)/\(scope(time)), SignedHeaders=\(signed), "
            + "Signature=\(signature)"
    }

    /// A query string that lets whoever has it make the request until it expires.
    ///
    /// - Parameters:
    ///   - request: With `Host` as its only field, most likely: the visitor must send what is signed.
    ///   - seconds: 1...`longestExpiry` after `time`.
    package func presigned(_ request: Request, at time: Timestamp, seconds: Int64) -> String {
        var request = request
        request.query += [
            ("X-Amz-Algorithm", Self.algorithm), ("X-Amz-Credential", "\(accessKey)/\(scope(time))"),
            ("X-Amz-Date", Self.stamp(time)), ("X-Amz-Expires", String(seconds)),
            ("X-Amz-SignedHeaders", Self.signedNames(request.fields)),
        ]
        let signature = signature(of: Self.canonical(request, payloadHash: Self.unsignedPayload), at: time)
        return Self.canonical(request.query) + "&X-Amz-Signature=\(signature)"
    }

    /// `20130524T000000Z`.
    package static func stamp(_ time: Timestamp) -> String {
        let digits = time.description.filter(\.isNumber).prefix(14)
        return "\(digits.prefix(8))T\(digits.dropFirst(8))Z"
    }

    private func scope(_ time: Timestamp) -> String {
        "\(Self.stamp(time).prefix(8))/\(region)/\(service)/aws4_request"
    }

    private func signature(of canonical: String, at time: Timestamp) -> String {
        let text = [Self.algorithm, Self.stamp(time), scope(time), Hex.encode(SHA256.hash(canonical))]
        var key = Array("AWS4\(secretKey.text)".utf8)
        for part in scope(time).split(separator: "/") { key = HMACSHA256.code(for: Array(part.utf8), key: key) }
        return Hex.encode(HMACSHA256.code(for: Array(text.joined(separator: "\n").utf8), key: key))
    }

    private static func canonical(_ request: Request, payloadHash: String) -> String {
        let fields = sorted(request.fields).map { "\($0.name):\(collapsed($0.value))\n" }.joined()
        return [
            request.method, request.path, canonical(request.query), fields, signedNames(request.fields), payloadHash,
        ].joined(separator: "\n")
    }

    private static func canonical(_ query: [(name: String, value: String)]) -> String {
        query.map { (percentEncode($0.name), percentEncode($0.value)) }.sorted { $0 < $1 }
            .map { "\($0)=\($1)" }.joined(separator: "&")
    }

    private static func sorted(_ fields: [(name: String, value: String)]) -> [(name: String, value: String)] {
        fields.map { ($0.name.lowercased(), $0.value) }.sorted { $0.0 < $1.0 }
    }

    private static func signedNames(_ fields: [(name: String, value: String)]) -> String {
        sorted(fields).map(\.name).joined(separator: ";")
    }

    /// Without surrounding spaces, and with runs of spaces as one.
    private static func collapsed(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
}
