/// How Swift property names and JSON member names belong together.
enum MemberName {
    /// `jobID` → `job_id`, `amountKopecks` → `amount_kopecks`, `assetIDs` → `asset_ids`, `payURL` → `pay_url`.
    ///
    /// A run of capitals is one word together with the small letters after it. Names are ASCII.
    static func snakeCase(_ name: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(name.utf8.count + 4)
        var previousIsUpper = false
        var changed = false
        for byte in name.utf8 {
            let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            if isUpper && !previousIsUpper && !bytes.isEmpty { bytes.append(UInt8(ascii: "_")) }
            bytes.append(isUpper ? byte | 0x20 : byte)
            changed = changed || isUpper
            previousIsUpper = isUpper
        }
        return changed ? String(decoding: bytes, as: UTF8.self) : name
    }

    /// The inverse of `snakeCase` for the initialisms that contracts use (ID, IDs, URL, URLs).
    static func camelCase(_ name: String) -> String {
        guard name.contains("_") else { return name }
        let words = name.split(separator: "_", omittingEmptySubsequences: false)
        return words.enumerated().map { index, word in
            if index == 0 { return String(word) }
            switch word {
            case "id": return "ID"
            case "ids": return "IDs"
            case "url": return "URL"
            case "urls": return "URLs"
            default: return word.prefix(1).uppercased() + word.dropFirst()
            }
        }.joined()
    }

    /// The key type of `Dictionary`'s own coding, whose keys are data and keep their spelling.
    ///
    /// The type is private to the standard library, so it is found by watching a dictionary being encoded.
    static let dictionaryKey: ObjectIdentifier = {
        let probe = KeyTypeProbe()
        // What the probe writes is thrown away, so an error of it means nothing.
        try? ["": 0].encode(to: probe)
        return probe.seen ?? ObjectIdentifier(Never.self)
    }()
}

/// An encoder that only looks at the key type it is asked for.
private final class KeyTypeProbe: Encoder {
    private(set) var seen: ObjectIdentifier?
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        seen = ObjectIdentifier(type)
        // Not through `ContractEncoder`: it would wait for the very constant that is being made.
        return KeyedEncodingContainer(KeyedWriter(members: .init(), path: nil, renames: false))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer { ContractEncoder(path: nil).unkeyedContainer() }
    func singleValueContainer() -> any SingleValueEncodingContainer {
        ContractEncoder(path: nil).singleValueContainer()
    }
}

/// The way from the root to a value, kept as links so that only an error pays for the array.
final class CodingPathLink {
    let parent: CodingPathLink?
    let name: String
    let index: Int?

    init(_ parent: CodingPathLink?, name: String) {
        self.parent = parent
        self.name = name
        self.index = nil
    }

    init(_ parent: CodingPathLink?, index: Int) {
        self.parent = parent
        self.name = "Index \(index)"
        self.index = index
    }

    /// From the root down, with the names that the JSON text has.
    static func keys(_ last: CodingPathLink?) -> [any CodingKey] {
        var keys: [any CodingKey] = []
        var link = last
        while let current = link {
            keys.append(MemberKey(stringValue: current.name, intValue: current.index))
            link = current.parent
        }
        return keys.reversed()
    }
}

/// One step of a coding path.
struct MemberKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String, intValue: Int?) {
        self.stringValue = stringValue
        self.intValue = intValue
    }

    init?(stringValue: String) { self.init(stringValue: stringValue, intValue: nil) }
    init?(intValue: Int) { self.init(stringValue: "Index \(intValue)", intValue: intValue) }
}
