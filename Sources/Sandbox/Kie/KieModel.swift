internal import Contracts
internal import Foundation

/// What the provider's documentation says about one model.
struct KieModel: Codable, Sendable {
    var model: String
    var category: String
    /// `image`, `video`, `audio`, `text` or `json`.
    var output: String
    var inputs: [KieField]
    /// The cheapest price; nil if none is published.
    var credits: Double?
    var per: String?
    var variants: [KiePrice]
}

/// A row of the price list.
struct KiePrice: Codable, Sendable {
    /// Values of input fields that this price belongs to; names with `@` speak of the source file.
    var when: [String: JSONValue]
    var credits: Double?
    var per: String?
}

/// One member of a model's `input`.
struct KieField: Codable, Sendable {
    var name: String
    /// string, integer, number, boolean, enum, image_url(s), video_url(s), audio_url(s), string_list, integer_list,
    /// object_list or task_ref.
    var type: String
    var required: Bool?
    var `enum`: [JSONValue]?
    var min: Double?
    var max: Double?
    var minLength: Int?
    var maxLength: Int?
    var minItems: Int?
    var maxItems: Int?
    /// JSON type of an enum, or `string` for a number that travels as text.
    var valueType: String?
    var items: [KieField]?

    enum CodingKeys: String, CodingKey {
        case name, type, required, `enum`, min, max, items
        case minLength = "min_length"
        case maxLength = "max_length"
        case minItems = "min_items"
        case maxItems = "max_items"
        case valueType = "value_type"
    }
}

/// All models that the stand-in knows, by id.
struct KieCatalogue: Sendable {
    let models: [String: KieModel]

    /// - Parameter file: `kie/models.json`.
    /// - Throws: `DecodingError` if the file has another form.
    init(file: [UInt8]) throws {
        let list = try JSONDecoder().decode([KieModel].self, from: Data(file))
        self.models = Dictionary(list.map { ($0.model, $0) }) { first, _ in first }
    }
}

extension KieModel {
    /// What a task costs in credits.
    ///
    /// The row whose conditions all hold and are the most; times the number of seconds or pictures where the row is per
    /// second or picture. Facts about the source file (`@…`) are not known and count as met.
    func cost(of input: [String: JSONValue]) -> Double {
        let fitting = variants.filter { row in
            row.when.allSatisfy { name, value in name.hasPrefix("@") || Self.meets(input[name], value) }
        }
        let row = fitting.max { $0.when.count < $1.when.count }
        let price = row?.credits ?? credits ?? 0
        switch row?.per ?? per ?? "" {
        case "second", "second of output", "second of audio":
            // A length that is left to the model turns out to be seven seconds.
            let asked = Self.whole(input["duration"] ?? input["duration_seconds"]) ?? 5
            return price * Double(asked > 0 ? asked : 7)
        case "1000 characters", "1M output tokens":
            let text =
                input["text"]?.string ?? (input["dialogue_turns"] ?? input["dialogue"])?.array?.first?["text"]?.string
            let count = Double(text?.unicodeScalars.count ?? 0)
            // Fifteen characters are a second of speech, a second is 25 tokens.
            return row?.per == "1000 characters"
                ? price * max(1, (count / 1_000).rounded(.up)) : price * count / 15 * 25 / 1_000_000
        case "image":
            return price * Double(pictureCount(of: input))
        default:
            return price
        }
    }

    /// Number of pictures that a task makes, 1...6.
    func pictureCount(of input: [String: JSONValue]) -> Int {
        for name in ["num_images", "n", "max_images", "image_count"] {
            if let count = Self.whole(input[name]) { return Swift.min(6, Swift.max(1, Int(count))) }
        }
        return 1
    }

    static func whole(_ value: JSONValue?) -> Int64? {
        value?.integer ?? value?.string.flatMap { Int64($0) }
    }

    private static func meets(_ value: JSONValue?, _ wanted: JSONValue) -> Bool {
        switch wanted.string {
        case "absent": return value == nil || value == .null || value?.array?.isEmpty == true
        case "present": return value != nil && value != .null && value?.array?.isEmpty != true
        default: return value == wanted || (value.map(Self.plain) == Self.plain(wanted))
        }
    }

    private static func plain(_ value: JSONValue) -> String {
        value.string ?? JSONText.write(value)
    }
}
