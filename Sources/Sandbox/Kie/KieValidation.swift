internal import Contracts

/// An answer of KIE's that refuses a call; HTTP status 200, the truth is in `code`.
struct KieRefusal: Error, Equatable {
    var code: Int
    var message: String

    static let unauthorized = KieRefusal(code: 401, message: "You do not have access permissions")
    static let unknownModel = KieRefusal(code: 422, message: "The model name you specified is not supported.")
    static let tooFast = KieRefusal(
        code: 429,
        message: "Your call frequency is too high. Please try again later."
    )
    static let noCredits = KieRefusal(
        code: 402,
        message: "Credits insufficient : Your current balance isn't enough to run this request. "
            + "Please top up to continue."
    )
    static let noRecord = KieRefusal(code: 422, message: "recordInfo is null")
}

/// Checks a task's `input` against the provider's documentation.
enum KieValidation {
    /// - Parameters:
    ///   - input: The task's `input`; members that the model does not know are ignored, as KIE does.
    ///   - isFinished: Whether a task id names a finished task, for inputs that continue one.
    /// - Throws: The first thing that is wrong, with KIE's kind of text.
    static func check(
        _ input: [String: JSONValue],
        against fields: [KieField],
        isFinished: (String) -> Bool
    ) throws(KieRefusal) {
        for field in fields {
            guard let value = input[field.name], value != .null else {
                if field.required == true {
                    throw KieRefusal(code: 422, message: "This field is required: \(field.name)")
                }
                continue
            }
            try check(value, field, isFinished)
        }
    }

    /// Names of members that no field of the model has.
    static func unknownNames(_ input: [String: JSONValue], fields: [KieField]) -> [String] {
        Set(input.keys).subtracting(fields.map(\.name)).sorted()
    }

    private static func check(
        _ value: JSONValue,
        _ field: KieField,
        _ isFinished: (String) -> Bool
    ) throws(KieRefusal) {
        switch field.type {
        case "enum": try checkEnum(value, field)
        case "string": try checkText(value, field)
        case "boolean":
            guard value.bool != nil else { throw wrongType(field, "boolean") }
        case "integer", "number": try checkNumber(value, field)
        case "image_url", "video_url", "audio_url": try checkURL(value, field)
        case "image_urls", "video_urls", "audio_urls":
            for item in try checkList(value, field) { try checkURL(item, field) }
        case "string_list":
            for item in try checkList(value, field) {
                guard item.string != nil else { throw wrongType(field, "list of strings") }
            }
        case "integer_list":
            for item in try checkList(value, field) {
                guard case .integer = item else { throw wrongType(field, "list of integers") }
            }
        case "object_list":
            for item in try checkList(value, field) {
                guard let members = item.object else { throw wrongType(field, "list of objects") }
                try check(members, against: field.items ?? [], isFinished: isFinished)
            }
        case "task_ref":
            guard let id = value.string, isFinished(id) else {
                throw KieRefusal(code: 422, message: "Record does not exist")
            }
        default: return  // A type that the facts do not define is not checked.
        }
    }

    private static func checkEnum(_ value: JSONValue, _ field: KieField) throws(KieRefusal) {
        guard let allowed = field.enum else { return }
        guard allowed.contains(value) else {
            throw KieRefusal(code: 500, message: "\(field.name) is not within the range of allowed options")
        }
    }

    private static func checkText(_ value: JSONValue, _ field: KieField) throws(KieRefusal) {
        guard let text = value.string else { throw wrongType(field, "string") }
        let length = text.unicodeScalars.count
        if length == 0 && (field.required == true || (field.minLength ?? 0) > 0) {
            throw KieRefusal(code: 500, message: "\(field.name) cannot be empty")
        }
        if let least = field.minLength, length < least {
            throw KieRefusal(code: 422, message: "\(field.name) length is invalid: at least \(least) characters")
        }
        if let most = field.maxLength, length > most {
            throw KieRefusal(
                code: 422,
                message: "\(field.name) length is invalid: the maximum is \(most) characters"
            )
        }
    }

    private static func checkNumber(_ value: JSONValue, _ field: KieField) throws(KieRefusal) {
        let number: Double?
        if field.valueType == "string" {
            number = value.string.flatMap { Double($0) }
        } else if field.type == "integer" {
            number = value.integer.map { Double($0) }
        } else {
            number = value.number
        }
        guard let number else { throw wrongType(field, field.valueType ?? field.type) }
        let isLow = field.min.map { number < $0 } ?? false
        let isHigh = field.max.map { number > $0 } ?? false
        guard !isLow, !isHigh else {
            let range = "\(field.min.map(shown) ?? "-∞") and \(field.max.map(shown) ?? "∞")"
            throw KieRefusal(code: 422, message: "\(field.name) must be between \(range)")
        }
    }

    private static func shown(_ number: Double) -> String {
        Int64(exactly: number).map { String($0) } ?? String(number)
    }

    private static func checkList(_ value: JSONValue, _ field: KieField) throws(KieRefusal) -> [JSONValue] {
        guard let items = value.array else { throw wrongType(field, "list") }
        if items.isEmpty && field.required == true {
            throw KieRefusal(code: 500, message: "\(field.name) cannot be empty")
        }
        if let least = field.minItems, items.count < least, field.required == true || !items.isEmpty {
            throw KieRefusal(code: 422, message: "\(field.name) size is invalid: at least \(least) items")
        }
        if let most = field.maxItems, items.count > most {
            throw KieRefusal(code: 422, message: "\(field.name) size is invalid: at most \(most) items")
        }
        return items
    }

    private static func checkURL(_ value: JSONValue, _ field: KieField) throws(KieRefusal) {
        guard let text = value.string else { throw wrongType(field, "URL") }
        guard !text.isEmpty else { throw KieRefusal(code: 500, message: "\(field.name) cannot be empty") }
        guard text.hasPrefix("http://") || text.hasPrefix("https://"), !text.contains(" ") else {
            throw KieRefusal(code: 422, message: "\(field.name) is invalid: it must be a public URL of a file")
        }
    }

    private static func wrongType(_ field: KieField, _ type: String) -> KieRefusal {
        KieRefusal(code: 422, message: "\(field.name) type is invalid: it must be \(type)")
    }
}
