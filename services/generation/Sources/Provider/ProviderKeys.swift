internal import Configuration
internal import Cryptography

/// The provider's API keys by name. The name is a hash, so that rows, logs and metrics can tell keys apart without
/// holding one.
struct ProviderKeys: Sendable {
    private let byName: [String: Secret]
    /// In the order of the configuration.
    let names: [String]

    init(_ keys: [String]) {
        let named = keys.map { (name: String(Hex.encode(SHA256.hash($0)).prefix(12)), key: Secret($0)) }
        self.names = named.map(\.name)
        self.byName = Dictionary(named.map { ($0.name, $0.key) }) { first, _ in first }
    }

    /// nil for a key that was taken out of the configuration.
    func key(_ name: String) -> Secret? { byName[name] }
}
