internal import COpenSSL

/// Unpredictable bytes from OpenSSL's generator, which the kernel seeds; fit for keys and tokens.
package func secureRandom(_ count: Int) -> [UInt8] {
    precondition(count >= 0 && count <= Int(Int32.max), "count of random bytes out of range")
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        if let out = buffer.baseAddress {
            openSSL("RAND_bytes") { unsafe RAND_bytes(out, Int32(count)) == 1 }
        }
        initialized = count
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only and not on where they differ.
///
/// Strings of different length are unequal at once; lengths of secrets are not secret here.
package func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe left.withUnsafeBytes { left in
        unsafe right.withUnsafeBytes { right in
            guard let first = left.baseAddress, let second = right.baseAddress else { return true }
            return unsafe CRYPTO_memcmp(first, second, left.count) == 0
        }
    }
}

/// The same for the UTF-8 forms of two texts, e.g. a header's secret and the configured one.
package func constantTimeEquals(_ left: String, _ right: String) -> Bool {
    constantTimeEquals([UInt8](left.utf8), [UInt8](right.utf8))
}
