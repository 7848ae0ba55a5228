package import Foundation

/// The unguessable last path segment of a KIE callback URL: it names an attempt and proves that generation made it.
///
/// Text form: base64url without padding of 16 bytes attempt id and 64 bytes Ed25519 signature (107 characters) over
/// `signedMessage`. Generation signs with the private key; ingress checks with the public one, so a forged token stores
/// nothing and ingress needs no knowledge of attempts.
package struct CallbackToken: Sendable, Equatable {
    package var attempt: UUID
    /// 64 bytes.
    package var signature: [UInt8]

    package init(attempt: UUID, signature: [UInt8]) {
        self.attempt = attempt
        self.signature = signature
    }

    /// What the signature covers: a domain prefix, so that no other signature of the key fits, and the attempt id.
    package static func signedMessage(for attempt: UUID) -> [UInt8] {
        Array("atelier-kie-callback-v1:".utf8) + Array(attempt.uuidString.lowercased().utf8)
    }

    /// Reads the text form; nil for another length or alphabet.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 107,
            text.utf8.allSatisfy({ byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            })
        else { return nil }
        let standard = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        guard let data = Data(base64Encoded: String(standard) + "="), data.count == 80 else { return nil }
        let bytes = [UInt8](data)
        self.attempt = UUID(
            uuid: (
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9],
                bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
            )
        )
        self.signature = Array(bytes[16...])
    }

    /// The text form.
    package var text: String {
        let id = attempt.uuid
        let bytes: [UInt8] =
            [
                id.0, id.1, id.2, id.3, id.4, id.5, id.6, id.7, id.8, id.9, id.10, id.11, id.12, id.13, id.14, id.15,
            ] + signature
        return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }
}
