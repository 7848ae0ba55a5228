package import Contracts
internal import Cryptography
internal import Foundation

/// The generated secrets of one installation, kept in `secrets.json` (0600) so that the next start uses the same ones.
///
/// A flat table from name to value: a name that is missing, also one that a later release adds, is generated.
package struct Credentials: Sendable, Equatable {
    private(set) var values: [String: String]

    /// - Parameter stored: What an earlier start kept.
    package init(stored: [String: String] = [:]) {
        values = stored
        for service in Project.services {
            for role in [Provisioning.serviceRole(service), Provisioning.ownerRole(service)] {
                generate("database.\(role)") { Base62.random(32) }
            }
            for caller in ServiceName.allCases where caller != service {
                generate(Self.tokenName(caller, service)) { Base62.random(40) }
            }
        }
        generate("kie.callback_private_key") { Base64URL.encode(Ed25519.PrivateKey().bytes) }
        generate("telegram.webhook_secret") { Base62.random(48) }
        // Telegram's tokens have this shape; the stand-in accepts no other one.
        generate("sandbox.bot_token") { "700000001:\(Base62.random(35))" }
        generate("sandbox.kie_key") { Base62.random(32) }
        generate("sandbox.yookassa_shop") { String(UInt32.random(in: 100_000...999_999)) }
        generate("sandbox.yookassa_secret") { "test_\(Base62.random(40))" }
    }

    /// Reads the file, adds what is missing and writes it back if anything was.
    package static func load(from path: String) throws -> Credentials {
        var stored: [String: String] = [:]
        if FileManager.default.fileExists(atPath: path) {
            do {
                let data = try Data(contentsOf: URL(filePath: path))
                stored = try JSONDecoder().decode([String: String].self, from: data)
            } catch {
                throw OperatorError(
                    "The secrets in \(path) can't be read.",
                    "Mend the file, or move it away: new secrets are made then, and the data stays usable."
                )
            }
        }
        let credentials = Credentials(stored: stored)
        if credentials.values != stored { try credentials.store(at: path) }
        return credentials
    }

    package func password(of role: String) -> String { self["database.\(role)"] }
    package func token(caller: ServiceName, callee: ServiceName) -> String { self[Self.tokenName(caller, callee)] }

    /// The value of a name that `init` knows.
    package subscript(_ name: String) -> String { values[name] ?? "" }

    /// Base64url of the 32 raw bytes that check what the private key has signed.
    package var callbackPublicKey: String {
        guard let seed = Base64URL.decode(self["kie.callback_private_key"]), let key = Ed25519.PrivateKey(bytes: seed)
        else { return "" }
        return Base64URL.encode(key.publicKey.bytes)
    }

    /// Written beside and renamed, so that a crash leaves either the old file or the new one. Nobody else can enter the
    /// folder, so that the moment before the file gets its mode harms nothing.
    private func store(at path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try encoder.encode(values).write(to: URL(filePath: path), options: .atomic)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        } catch {
            throw OperatorError("The secrets can't be written to \(path).", "Make room or name another ATELIER_DATA.")
        }
    }

    private mutating func generate(_ name: String, _ make: () -> String) {
        if values[name, default: ""].isEmpty { values[name] = make() }
    }

    private static func tokenName(_ caller: ServiceName, _ callee: ServiceName) -> String {
        "token.\(caller.rawValue).\(callee.rawValue)"
    }
}
