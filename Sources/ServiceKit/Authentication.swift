internal import Configuration
internal import Contracts
internal import Cryptography

/// Tells from the bearer token which service calls.
///
/// Tokens are compared by their hashes in constant time, and every accepted one is compared every time, so that how
/// long it takes says nothing about them.
struct Authentication: Sendable {
    private let accepted: [(caller: ServiceName, hash: [UInt8])]

    /// - Parameter tokens: By the caller's name; `old|new` accepts both. Names that are no service are ignored.
    init(tokens: [String: Secret]) {
        accepted = tokens.sorted { $0.key < $1.key }.flatMap { name, tokens in
            guard let caller = ServiceName(rawValue: name) else { return [(ServiceName, [UInt8])]() }
            return tokens.text.split(separator: "|").map { (caller, SHA256.hash(Array($0.utf8))) }
        }
    }

    /// The caller; nil without a token or with one that nobody has.
    func caller(authorization: String?) -> ServiceName? {
        let scheme = "bearer "
        guard let authorization, authorization.prefix(scheme.count).lowercased() == scheme else { return nil }
        let token = authorization.dropFirst(scheme.count)
        guard !token.isEmpty else { return nil }
        let hash = SHA256.hash(Array(token.utf8))
        var found: ServiceName?
        for candidate in accepted where constantTimeEquals(candidate.hash, hash) {
            found = candidate.caller
        }
        return found
    }
}
