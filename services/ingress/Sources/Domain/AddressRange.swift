internal import Glibc

/// A range of internet addresses in CIDR form, e.g. `185.71.76.0/27` or `2a02:5180::/32`; a bare address is itself alone.
struct AddressRange: Sendable, Equatable {
    /// 16 bytes; IPv4 as `::ffff:a.b.c.d`.
    private let first: [UInt8]
    private let bits: Int

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = Self.bytes(of: parts[0]) else { return nil }
        let width = parts[0].contains(":") ? 128 : 32
        var length = width
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...width).contains(given) else { return nil }
            length = given
        }
        self.first = address
        self.bits = length + 128 - width
    }

    func contains(_ address: some StringProtocol) -> Bool {
        guard let bytes = Self.bytes(of: address) else { return false }
        let whole = bits / 8
        guard bytes.prefix(whole).elementsEqual(first.prefix(whole)) else { return false }
        let rest = bits % 8
        return rest == 0 || (bytes[whole] ^ first[whole]) >> (8 - rest) == 0
    }

    private static func bytes(of text: some StringProtocol) -> [UInt8]? {
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, String(text), &v4) == 1 {
            let value = UInt32(bigEndian: v4.s_addr)
            let address = (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
            return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF] + address
        }
        var v6 = in6_addr()
        guard unsafe inet_pton(AF_INET6, String(text), &v6) == 1 else { return nil }
        return unsafe withUnsafeBytes(of: &v6) { unsafe Array($0) }
    }
}

/// Who posted, seen through the proxies that the operator trusts.
struct SourceAddress {
    /// The peer itself unless it is a trusted proxy; then the nearest address of `X-Forwarded-For` that is none.
    ///
    /// - Parameter forwardedFor: The values of all lines of that name, in order: a proxy may add one of its own.
    static func of(peer: String, forwardedFor: [String], trusted: [AddressRange]) -> String {
        guard trusted.contains(where: { $0.contains(peer) }) else { return peer }
        let hops = forwardedFor.flatMap { $0.split(separator: ",") }.map { $0.filter { !$0.isWhitespace } }
        return hops.last { hop in !trusted.contains { $0.contains(hop) } } ?? peer
    }
}
