internal import COpenSSL

/// SHA-256 (FIPS 180-4), at once or piece by piece.
///
/// ```swift
/// var hash = SHA256()
/// hash.update(head)
/// hash.update(tail)
/// let digest = hash.finish()  // 32 bytes
/// ```
@safe
package struct SHA256: ~Copyable {
    /// Length of a digest in bytes.
    package static let byteCount = 32

    private let context: OpaquePointer

    /// A digest of nothing so far.
    package init() {
        unsafe context = openSSL("EVP_MD_CTX_new") { unsafe EVP_MD_CTX_new() }
        openSSL("EVP_DigestInit_ex2") { unsafe EVP_DigestInit_ex2(context, Self.algorithm, nil) == 1 }
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    /// Appends bytes to the message.
    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// Appends bytes to the message without copying them.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        openSSL("EVP_DigestUpdate") { unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 }
    }

    /// The 32 bytes of the digest; ends the hash.
    package consuming func finish() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            guard let out = buffer.baseAddress else { return }
            openSSL("EVP_DigestFinal_ex") { unsafe EVP_DigestFinal_ex(context, out, nil) == 1 }
            count = Self.byteCount
        }
    }

    /// The 32 bytes of the digest of one message.
    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            guard let out = buffer.baseAddress else { return }
            unsafe bytes.withUnsafeBytes { message in
                openSSL("EVP_Digest") {
                    unsafe copenssl_sha256(algorithm, message.baseAddress, message.count, out) == 1
                }
            }
            count = byteCount
        }
    }

    /// The 32 bytes of the digest of a text's UTF-8 form.
    package static func hash(_ text: String) -> [UInt8] {
        hash([UInt8](text.utf8))
    }

    /// Fetched once; OpenSSL's algorithm objects are immutable and may be used from any thread.
    nonisolated(unsafe) static let algorithm: OpaquePointer = unsafe openSSL("EVP_MD_fetch") {
        unsafe copenssl_fetch_sha256()
    }
}
