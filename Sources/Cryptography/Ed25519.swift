internal import COpenSSL

/// Ed25519 signatures (RFC 8032) with keys as 32 raw bytes.
package enum Ed25519 {
    /// Length of a signature in bytes.
    package static let signatureByteCount = 64

    /// The half that signs; lives only in the service that issues tokens.
    package struct PrivateKey: Sendable {
        /// The 32-byte seed, as stored in configuration.
        package let bytes: [UInt8]
        private let key: KeyHandle

        /// A new random key.
        package init() {
            guard let key = PrivateKey(bytes: secureRandom(32)) else {
                fatalError("OpenSSL refused a 32-byte Ed25519 seed")
            }
            self = key
        }

        /// - Parameter bytes: The 32-byte seed; nil for any other length.
        package init?(bytes: [UInt8]) {
            guard bytes.count == 32, let key = KeyHandle(privateBytes: bytes) else { return nil }
            self.bytes = bytes
            self.key = key
        }

        /// The half that may be given to whoever checks the signatures.
        package var publicKey: PublicKey {
            guard let key = PublicKey(bytes: key.publicBytes) else {
                fatalError("OpenSSL refused an Ed25519 public key that it derived itself")
            }
            return key
        }

        /// The 64-byte signature of a message; deterministic.
        package func sign(_ message: [UInt8]) -> [UInt8] { key.sign(message) }
    }

    /// The half that checks.
    package struct PublicKey: Sendable, Equatable {
        /// The 32 raw bytes.
        package let bytes: [UInt8]
        private let key: KeyHandle

        /// - Parameter bytes: The 32 raw bytes; nil for any other length.
        package init?(bytes: [UInt8]) {
            guard bytes.count == 32, let key = KeyHandle(publicBytes: bytes) else { return nil }
            self.bytes = bytes
            self.key = key
        }

        /// Whether the owner of the private half signed exactly this message; false for a signature of wrong length.
        package func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
            signature.count == Ed25519.signatureByteCount && key.verify(signature, message)
        }

        package static func == (left: PublicKey, right: PublicKey) -> Bool { left.bytes == right.bytes }
    }
}

/// Owns one `EVP_PKEY`.
///
/// Unchecked: the object is never changed after `init`, and OpenSSL allows an unchanged key on many threads at once.
@safe
private final class KeyHandle: @unchecked Sendable {
    private let key: OpaquePointer

    init?(privateBytes: [UInt8]) {
        guard
            let key = unsafe openSSLAnswer({
                unsafe privateBytes.withUnsafeBufferPointer { raw in
                    unsafe raw.baseAddress.flatMap { unsafe copenssl_ed25519_private($0) }
                }
            })
        else { return nil }
        unsafe self.key = key
    }

    init?(publicBytes: [UInt8]) {
        guard
            let key = unsafe openSSLAnswer({
                unsafe publicBytes.withUnsafeBufferPointer { raw in
                    unsafe raw.baseAddress.flatMap { unsafe copenssl_ed25519_public($0) }
                }
            })
        else { return nil }
        unsafe self.key = key
    }

    deinit {
        unsafe EVP_PKEY_free(key)
    }

    var publicBytes: [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            guard let out = buffer.baseAddress else { return }
            openSSL("EVP_PKEY_get_raw_public_key") { unsafe copenssl_ed25519_public_bytes(key, out) == 1 }
            count = 32
        }
    }

    func sign(_ message: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Ed25519.signatureByteCount) { buffer, count in
            guard let out = buffer.baseAddress else { return }
            unsafe message.withUnsafeBufferPointer { message in
                openSSL("EVP_DigestSign") {
                    unsafe copenssl_ed25519_sign(key, message.baseAddress, message.count, out) == 1
                }
            }
            count = Ed25519.signatureByteCount
        }
    }

    func verify(_ signature: [UInt8], _ message: [UInt8]) -> Bool {
        openSSLAnswer {
            unsafe signature.withUnsafeBufferPointer { signature in
                unsafe message.withUnsafeBufferPointer { message in
                    guard let first = signature.baseAddress else { return false }
                    return unsafe copenssl_ed25519_verify(key, first, message.baseAddress, message.count) == 1
                }
            }
        }
    }
}
