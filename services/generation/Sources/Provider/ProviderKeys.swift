internal import Configuration
internal import Cryptography
internal import ModelCatalogue

/// The provider's API keys by name. The name is a hash, so that rows, logs and metrics can tell keys apart without
/// holding one.
struct ProviderKeys: Sendable {
    /// A configured key: `[account/]key[*weight][@dollars a day]`.
    struct Member: Sendable {
        /// The first 12 hex digits of the key's SHA-256.
        let name: String
        /// As the operator calls it; the key's own name where no account is named.
        let account: String
        let key: Secret
        /// 1...100.
        let weight: Int
        /// In millionths of a dollar; nil for no cap.
        let dailyCapMicrodollars: Int64?

        /// nil if the text has not the form.
        init?(_ text: String) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2, let last = parts.last else { return nil }
            let capped = last.split(separator: "@", omittingEmptySubsequences: false)
            let weighed = capped[0].split(separator: "*", omittingEmptySubsequences: false)
            guard capped.count <= 2, weighed.count <= 2, !weighed[0].isEmpty, parts[0].isEmpty == false else {
                return nil
            }
            let weight = weighed.count == 2 ? Int(weighed[1]) : 1
            guard let weight, (1...100).contains(weight) else { return nil }
            var cap: Int64?
            if capped.count == 2 {
                guard let dollars = Decimals(String(capped[1])) else { return nil }
                cap = dollars.thousandths * 1_000
            }
            let key = String(weighed[0])
            name = String(Hex.encode(SHA256.hash(key)).prefix(12))
            account = parts.count == 2 ? String(parts[0]) : name
            self.key = Secret(key)
            self.weight = weight
            dailyCapMicrodollars = cap
        }
    }

    /// In the order of the configuration.
    let members: [Member]
    private let byName: [String: Secret]

    /// nil if a text has not the form, or a key is named twice.
    init?(_ texts: [String]) {
        let members = texts.compactMap { Member($0) }
        guard members.count == texts.count, Set(members.map(\.name)).count == members.count else { return nil }
        self.members = members
        self.byName = Dictionary(members.map { ($0.name, $0.key) }) { first, _ in first }
    }

    var names: [String] { members.map(\.name) }

    /// nil for a key that was taken out of the configuration.
    func key(_ name: String) -> Secret? { byName[name] }
}
