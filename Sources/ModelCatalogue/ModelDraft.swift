package import Contracts

/// Turns the provider's own schema of a model into the beginning of a model file.
///
/// What a schema does not say (price, texts, whether it works) is left for a person: the draft is withheld and says so.
package struct ModelDraft: Sendable, Equatable {
    /// Why no draft can be made.
    package struct Trouble: Error, Sendable, Equatable, CustomStringConvertible {
        package var description: String
    }

    package var model: String
    package var title: String
    package var create: String
    package var inputs: [JSONValue] = []
    /// Members that the draft can't ask for, with the reason.
    package var leftOut: [(name: String, reason: String)] = []

    package static func == (left: ModelDraft, right: ModelDraft) -> Bool {
        left.model == right.model && left.inputs == right.inputs
            && left.leftOut.map(\.name) == right.leftOut.map(\.name)
    }

    /// - Parameter answer: The provider's answer of `GET /api/v1/models/<model>/schema`, or its OpenAPI document.
    /// - Throws: `Trouble` if no create call with inputs is found in it.
    package init(_ answer: JSONValue) throws(Trouble) {
        let openapi = answer["data"]?["openapi"] ?? answer["openapi"].flatMap { $0.object == nil ? nil : $0 } ?? answer
        guard let paths = openapi["paths"]?.object else {
            throw Trouble(description: "the document has no member paths: it is no OpenAPI document")
        }
        let calls = paths.sorted { $0.key < $1.key }.compactMap { path, item -> (String, JSONValue)? in
            Self.body(item, openapi).map { (path, $0) }
        }
        guard let (path, body) = calls.first(where: { $0.1["properties"]?["input"] != nil }) ?? calls.first else {
            throw Trouble(description: "the document has no call with a JSON body")
        }
        let names = Self.resolve(body["properties"]?["model"], openapi)
        let known = names?["enum"]?.array?.first ?? names?["default"] ?? names?["example"]
        model = answer["data"]?["model"]?.string ?? known?.string ?? "unknown/model"
        title = openapi["info"]?["title"]?.string ?? model
        create = path
        let input = Self.resolve(body["properties"]?["input"], openapi) ?? body
        guard let members = input["properties"]?.object, !members.isEmpty else {
            throw Trouble(description: "the call \(path) takes no inputs")
        }
        let required = Set(input["required"]?.array?.compactMap(\.string) ?? [])
        for (name, schema) in members.sorted(by: { Self.rank($0.key, required) < Self.rank($1.key, required) }) {
            guard !["callBackUrl", "model"].contains(name) || input["properties"]?["input"] != nil else { continue }
            let schema = Self.resolve(schema, openapi) ?? schema
            if let input = DraftInput(name, schema, isRequired: required.contains(name)).member {
                inputs.append(input)
            } else {
                leftOut.append((name, "The draft does not know how to ask for it."))
            }
        }
    }

    private static func rank(_ name: String, _ required: Set<String>) -> String {
        "\(required.contains(name) ? 0 : 1)\(name == "prompt" ? 0 : 1)\(name)"
    }

    private static func body(_ item: JSONValue, _ root: JSONValue) -> JSONValue? {
        let content = resolve(item["post"]?["requestBody"], root)?["content"]
        return resolve(content?["application/json"]?["schema"], root)
    }

    /// Follows a reference inside the document.
    private static func resolve(_ schema: JSONValue?, _ root: JSONValue) -> JSONValue? {
        guard let reference = schema?["$ref"]?.string else { return schema }
        return reference.split(separator: "/").dropFirst().reduce(root as JSONValue?) { $0?[String($1)] }
    }

    /// The model file's text. It is valid, and withheld until somebody has filled it in.
    package func text(number: Int) -> String {
        let output = ["video", "speech", "audio", "music"].first { model.contains($0) }
        let kind = output == "video" ? "video" : output == nil ? "image" : "audio"
        let words = inputs.filter { $0["kind"] == "text" && $0["required"] == true }.compactMap { $0["name"]?.string }
        let sample = Dictionary(words.map { ($0, JSONValue.string("Лиса в осеннем лесу")) }) { first, _ in first }
        let members: [(String, JSONValue)] = [
            ("number", .integer(Int64(number))), ("slug", .string(model)), ("title", Self.both(title)),
            ("output", .string(kind)), ("tasks", [.string(kind == "audio" ? "sound" : "text_to_\(kind)")]),
            ("summary", Self.both(title)), ("free", false), ("typical_seconds", kind == "video" ? 180 : 40),
            ("promised_seconds", kind == "video" ? 1_800 : 300), ("hard_limit_seconds", kind == "video" ? 2_700 : 900),
            ("route", ["model": .string(model), "create": .string(create)]),
            (
                "withheld",
                [
                    "reason": [
                        "ru": "Черновик.",
                        "en": "Draft: output, tasks, texts and labels are guesses, and it has no price.",
                    ]
                ]
            ),
            ("inputs", .array(inputs)),
            ("left_out", .object(Dictionary(leftOut.map { ($0.name, .string($0.reason)) }) { first, _ in first })),
            ("sample", ["inputs": .object(sample)]),
        ]
        return "{\n" + members.map { "  \"\($0)\": \(FileText.write($1, indent: 1))" }.joined(separator: ",\n")
            + "\n}\n"
    }

    private static func both(_ text: String) -> JSONValue { ["ru": .string(text), "en": .string(text)] }
}

/// One input of a draft.
private struct DraftInput {
    /// nil if its kind is not known.
    var member: JSONValue?

    init(_ name: String, _ schema: JSONValue, isRequired: Bool) {
        var members: [String: JSONValue] = [
            "name": .string(name), "label": ["ru": .string(name), "en": .string(name)], "required": .bool(isRequired),
        ]
        members["default"] = schema["default"].flatMap { $0 == .null || $0.array != nil ? nil : $0 }
        let type = schema["type"]?.string ?? schema["type"]?.array?.compactMap(\.string).first { $0 != "null" }
        let isFile = name.lowercased().hasSuffix("url") || schema["format"] == "uri"
        switch type {
        case _ where schema["enum"]?.array?.isEmpty == false:
            members["kind"] = "choice"
            members["options"] = schema["enum"]
            if isRequired, members["default"] == nil { members["default"] = schema["enum"]?.array?.first }
        case "boolean":
            members["kind"] = "boolean"
            if members["default"] == nil { members["default"] = false }
        case "integer", "number":
            members["kind"] = type.map { .string($0) }
            members["minimum"] = schema["minimum"] ?? 0
            members["maximum"] = schema["maximum"] ?? 1_000
        case "string" where isFile:
            members.merge(Self.file(name, "file", schema)) { $1 }
        case "array" where name.lowercased().contains("url") || schema["items"]?["format"] == "uri":
            members.merge(Self.file(name, "files", schema)) { $1 }
            members["maximum_items"] = schema["maxItems"] ?? 1
        case "string":
            members["kind"] = "text"
            members["maximum_length"] = schema["maxLength"] ?? 5_000
            members["minimum_length"] = schema["minLength"].flatMap { ($0.integer ?? 0) > 0 ? $0 : nil }
        default: return
        }
        member = .object(members)
    }

    private static func file(_ name: String, _ kind: JSONValue, _ schema: JSONValue) -> [String: JSONValue] {
        let media = ["video", "audio"].first { name.lowercased().contains($0) } ?? "image"
        return ["kind": kind, "media": .string(media), "maximum_file_megabytes": 20, "default": nil]
            .compactMapValues { $0 }
    }
}

/// Writes JSON the way model files are written: a line a value, as long as it fits.
enum FileText {
    private static let width = 116
    /// The order in which members of an input are written; what is not named follows by name.
    private static let order = ["name", "kind", "label", "required", "advanced", "default", "options", "ru", "en"]

    static func write(_ value: JSONValue, indent: Int) -> String {
        let flat = line(value)
        guard flat.count + indent * 2 > width else { return flat }
        let inner = String(repeating: "  ", count: indent + 1)
        let outer = String(repeating: "  ", count: indent)
        switch value {
        case .array(let list) where list.contains { $0.object != nil || $0.array != nil }:
            let lines = list.map { inner + write($0, indent: indent + 1) }
            return "[\n" + lines.joined(separator: ",\n") + "\n" + outer + "]"
        case .object(let members):
            let lines = sorted(members).map { "\(inner)\(quoted($0.key)): \(write($0.value, indent: indent + 1))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n" + outer + "}"
        default: return flat
        }
    }

    private static func sorted(_ members: [String: JSONValue]) -> [(key: String, value: JSONValue)] {
        members.sorted { left, right in
            let (first, second) = (order.firstIndex(of: left.key) ?? 99, order.firstIndex(of: right.key) ?? 99)
            return first == second ? left.key < right.key : first < second
        }
    }

    private static func line(_ value: JSONValue) -> String {
        switch value {
        case .array(let list): "[" + list.map(line).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + sorted(members).map { "\(quoted($0.key)): \(line($0.value))" }.joined(separator: ", ") + "}"
        case .string(let text): quoted(text)
        case .null, .bool, .integer, .number:
            InputValidation.optionText(value).isEmpty ? "null" : InputValidation.optionText(value)
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\n": quoted += "\\n"
            case _ where scalar.value < 0x20: quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
