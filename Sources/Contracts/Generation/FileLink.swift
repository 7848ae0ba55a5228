internal import Foundation
package import Time

/// The last path segment of a public download address: it names an asset, says until when, and proves that generation
/// made it.
///
/// Text form: base64url without padding of 16 bytes asset id, 8 bytes expiry (seconds since 1970, big-endian) and 64
/// bytes Ed25519 signature over `signedMessage`: 118 characters, exactly one text for each link. Generation signs with
/// the private key; ingress checks with the public one and needs to know nothing else about assets.
package struct FileLink: Sendable, Equatable {
    package var asset: AssetID
    /// Whole seconds; the link is good before this moment.
    package var expiresAt: Timestamp
    /// 64 bytes.
    package var signature: [UInt8]

    package init(asset: AssetID, expiresAt: Timestamp, signature: [UInt8]) {
        self.asset = asset
        self.expiresAt = expiresAt
        self.signature = signature
    }

    /// What the signature covers: a domain prefix, so that no other signature of the key fits, then asset and expiry.
    package static func signedMessage(asset: AssetID, expiresAt: Timestamp) -> [UInt8] {
        Array("atelier-file-link-v1:\(asset):\(seconds(expiresAt))".utf8)
    }

    /// Reads the text form; nil for anything else, also for a second spelling of the same bytes.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 118 else { return nil }
        let standard = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        guard let data = Data(base64Encoded: String(standard) + "=="), data.count == 88 else { return nil }
        let bytes = [UInt8](data)
        let id: uuid_t = (
            bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9],
            bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
        )
        let seconds = bytes[16..<24].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard seconds <= UInt64(Self.latestSecond) else { return nil }
        self.asset = AssetID(UUID(uuid: id))
        self.expiresAt = Timestamp(seconds: Int64(seconds))
        self.signature = Array(bytes[24...])
        guard self.text == text else { return nil }
    }

    /// The text form.
    package var text: String {
        let id = asset.uuid.uuid
        let seconds = UInt64(bitPattern: Self.seconds(expiresAt))
        let bytes: [UInt8] =
            [
                id.0, id.1, id.2, id.3, id.4, id.5, id.6, id.7, id.8, id.9, id.10, id.11, id.12, id.13, id.14, id.15,
            ] + (0..<8).map { UInt8(truncatingIfNeeded: seconds >> (56 - 8 * UInt64($0))) } + signature
        return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }

    /// The year 9999, beyond which a timestamp has no text.
    private static let latestSecond: Int64 = 253_402_300_799

    private static func seconds(_ time: Timestamp) -> Int64 { time.microseconds / 1_000_000 }
}
