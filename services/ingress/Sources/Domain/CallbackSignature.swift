internal import Cryptography

/// The signature that KIE puts on callbacks once the account has a key: base64 of HMAC-SHA-256 over `<task id>.<timestamp>`.
///
/// It does not cover the body, and no age is refused: whether a repeat is stamped anew is not documented, and the body is
/// a hint in any case.
struct CallbackSignature {
    static let timestampField = "X-Webhook-Timestamp"
    static let signatureField = "X-Webhook-Signature"

    private let timestamp: String
    private let code: [UInt8]

    /// Nil if a header is missing or has another form.
    init?(timestamp: String?, signature: String?) {
        guard let timestamp, (1...20).contains(timestamp.utf8.count),
            timestamp.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let signature, let code = Base64.decode(signature), code.count == SHA256.byteCount
        else { return nil }
        self.timestamp = timestamp
        self.code = code
    }

    /// Whether one of the keys made it, in constant time; there are two while one is being changed.
    func isValid(for taskID: String, keys: [[UInt8]]) -> Bool {
        let message = Array("\(taskID).\(timestamp)".utf8)
        return keys.reduce(false) { found, key in HMACSHA256.isValid(code, for: message, key: key) || found }
    }
}
