package import Foundation
package import Time

/// A UUIDv7 that can't be confused with the id of another kind of thing.
///
/// Text and JSON form: 36 lower-case characters. UUIDv7 (RFC 9562) sorts by creation time.
package struct Identifier<Kind>: Hashable, Comparable, Sendable, LosslessStringConvertible, Codable {
    package let uuid: UUID

    package init(_ uuid: UUID) {
        self.uuid = uuid
    }

    /// A new UUIDv7.
    package init(now: Timestamp = WallClock.system.now) {
        self.uuid = .v7(at: now)
    }

    package init?(_ description: String) {
        guard let uuid = UUID(uuidString: description) else { return nil }
        self.uuid = uuid
    }

    package var description: String { uuid.lowercaseText }

    package static func < (left: Self, right: Self) -> Bool { left.uuid < right.uuid }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a UUID")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Phantom kinds for `Identifier`.
package enum IdentifierKind {
    package enum Hold {}
    package enum Adjustment {}
    package enum Job {}
    package enum Group {}
    package enum Quote {}
    package enum Asset {}
    package enum Order {}
    package enum Fact {}
}

/// A hold in billing; chosen by the caller that places it.
package typealias HoldID = Identifier<IdentifierKind.Hold>
/// An adjustment in billing; chosen by the operator's command line.
package typealias AdjustmentID = Identifier<IdentifierKind.Adjustment>
/// A job in generation; chosen by conversation when the user confirms.
package typealias JobID = Identifier<IdentifierKind.Job>
/// The jobs of one confirm in generation; chosen by conversation. Also the id of their hold.
package typealias GroupID = Identifier<IdentifierKind.Group>
package typealias QuoteID = Identifier<IdentifierKind.Quote>
package typealias AssetID = Identifier<IdentifierKind.Asset>
/// A top-up order in payments; chosen by conversation.
package typealias OrderID = Identifier<IdentifierKind.Order>
/// A fact reported to conversation; chosen by the reporter.
package typealias FactID = Identifier<IdentifierKind.Fact>

/// Telegram's user id; positive, up to 52 bits.
package typealias UserID = Int64
/// Telegram's chat id; equals the user id in a private chat, negative for groups.
package typealias ChatID = Int64

extension UUID {
    /// 36 lower-case characters, without Foundation's detour over capitals.
    package var lowercaseText: String {
        let id = uuid
        let bytes = [
            id.0, id.1, id.2, id.3, id.4, id.5, id.6, id.7, id.8, id.9, id.10, id.11, id.12, id.13, id.14, id.15,
        ]
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (index, byte) in bytes.enumerated() {
            if index == 4 || index == 6 || index == 8 || index == 10 { text.append(UInt8(ascii: "-")) }
            for digit in [byte >> 4, byte & 0xF] {
                text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A UUIDv7 (RFC 9562 section 5.7) for this moment.
    package static func v7(at now: Timestamp) -> UUID {
        let milliseconds = UInt64(max(0, now.microseconds / 1_000))
        var generator = SystemRandomNumberGenerator()
        let high = UInt64.random(in: 0...UInt64.max, using: &generator)
        let low = UInt64.random(in: 0...UInt64.max, using: &generator)
        // The microseconds within the millisecond fill 10 of the 12 `rand_a` bits, so that ids made in order sort.
        let inMillisecond = UInt64(max(0, now.microseconds % 1_000))
        let first = milliseconds << 16 | 0x7000 | inMillisecond << 2 | high & 0x3
        let second = 0x8000_0000_0000_0000 | low >> 2
        func byte(_ value: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> (56 - 8 * index)) }
        return UUID(
            uuid: (
                byte(first, 0), byte(first, 1), byte(first, 2), byte(first, 3), byte(first, 4), byte(first, 5),
                byte(first, 6), byte(first, 7), byte(second, 0), byte(second, 1), byte(second, 2), byte(second, 3),
                byte(second, 4), byte(second, 5), byte(second, 6), byte(second, 7)
            )
        )
    }
}
