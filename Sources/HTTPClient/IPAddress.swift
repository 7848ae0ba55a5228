internal import CCurl
internal import Glibc

/// An address of an interface, as bytes in network order.
enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// - Parameter text: Dotted decimal or IPv6 text without a zone; nil for anything else.
    init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if unsafe inet_pton(AF_INET, text, &v4) == 1 {
            self = .v4(UInt32(bigEndian: v4.s_addr))
        } else if unsafe inet_pton(AF_INET6, text, &v6) == 1 {
            self.init(v6)
        } else {
            return nil
        }
    }

    /// - Parameter address: What `connect` would be given; nil if it is of neither family.
    init?(_ address: UnsafePointer<sockaddr>) {
        switch Int32(unsafe address.pointee.sa_family) {
        case AF_INET:
            let v4 = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
            self = .v4(UInt32(bigEndian: v4.sin_addr.s_addr))
        case AF_INET6:
            let v6 = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
            self.init(v6.sin6_addr)
        default:
            return nil
        }
    }

    private init(_ address: in6_addr) {
        self = unsafe withUnsafeBytes(of: address) { bytes in
            unsafe .v6(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }

    /// Whether the public internet routes to the address.
    ///
    /// Source: the IANA special-purpose address registries (RFC 6890 and its updates), plus the one metadata service that
    /// sits on a public address.
    var isPublic: Bool {
        switch self {
        case .v4(let address): !Self.specialV4.contains { $0.contains(address) }
        case .v6(let high, let low): Self.isPublicV6(high, low)
        }
    }

    private static func isPublicV6(_ high: UInt64, _ low: UInt64) -> Bool {
        // NAT64 (RFC 6052): an IPv4 host behind the network's translator, so that host is what counts.
        if high == 0x0064_ff9b_0000_0000, low >> 32 == 0 { return IPAddress.v4(UInt32(low)).isPublic }
        // Only 2000::/3 is given out for global unicast; loopback, v4-mapped, unique local, link-local and multicast
        // addresses all lie outside of it.
        guard high >> 61 == 0b001 else { return false }
        if high >> 41 == 0x2001_0000_0000_0000 >> 41 { return false }  // 2001::/23: protocol assignments, Teredo
        if high >> 32 == 0x2001_0db8 { return false }  // documentation
        if high >> 44 == 0x3fff_0 { return false }  // 3fff::/20: documentation
        if high >> 48 == 0x2002 { return IPAddress.v4(UInt32(truncatingIfNeeded: high >> 16)).isPublic }  // 6to4
        return true
    }

    private struct Range: Sendable {
        let first: UInt32
        let bits: UInt32
        func contains(_ address: UInt32) -> Bool { address >> (32 - bits) == first >> (32 - bits) }
        init(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32, _ bits: UInt32) {
            self.first = a << 24 | b << 16 | c << 8 | d
            self.bits = bits
        }
    }

    private static let specialV4 = [
        Range(0, 0, 0, 0, 8),  // this network
        Range(10, 0, 0, 0, 8),  // private
        Range(100, 64, 0, 0, 10),  // carrier-grade NAT; one cloud's metadata
        Range(127, 0, 0, 0, 8),  // loopback
        Range(168, 63, 129, 16, 32),  // Azure's metadata
        Range(169, 254, 0, 0, 16),  // link-local; most clouds' metadata
        Range(172, 16, 0, 0, 12),  // private
        Range(192, 0, 0, 0, 24),  // protocol assignments; one cloud's metadata
        Range(192, 0, 2, 0, 24),  // documentation
        Range(192, 88, 99, 0, 24),  // 6to4 relays
        Range(192, 168, 0, 0, 16),  // private
        Range(198, 18, 0, 0, 15),  // benchmarks
        Range(198, 51, 100, 0, 24),  // documentation
        Range(203, 0, 113, 0, 24),  // documentation
        Range(224, 0, 0, 0, 4),  // multicast
        Range(240, 0, 0, 0, 4),  // reserved, broadcast
    ]
}
