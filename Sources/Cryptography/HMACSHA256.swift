internal import COpenSSL

/// HMAC-SHA-256 (RFC 2104, FIPS 198-1).
package enum HMACSHA256 {
    /// The 32 bytes of the code of `message` under `key`.
    ///
    /// - Parameter key: Any length; longer than 64 bytes is hashed first, as the RFC says.
    package static func code(for message: [UInt8], key: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { buffer, count in
            guard let out = buffer.baseAddress else { return }
            unsafe key.withUnsafeBytes { key in
                unsafe message.withUnsafeBufferPointer { message in
                    openSSL("HMAC") {
                        unsafe copenssl_hmac_sha256(
                            SHA256.algorithm,
                            key.baseAddress,
                            key.count,
                            message.baseAddress,
                            message.count,
                            out
                        ) == 1
                    }
                }
            }
            count = SHA256.byteCount
        }
    }

    /// Whether `code` is the code of `message` under `key`, compared in constant time.
    package static func isValid(_ code: [UInt8], for message: [UInt8], key: [UInt8]) -> Bool {
        constantTimeEquals(code, Self.code(for: message, key: key))
    }
}
