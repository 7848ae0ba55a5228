internal import Concurrency
internal import Contracts
internal import HTTP

/// KIE's catalogue calls: the list of models, and price, schema and success rate of one.
extension KieDesk {
    /// `GET /api/v1/models`.
    func listModels(_ request: HTTPRequest) -> HTTPResponse {
        if let refusal = gate(request) { return refusal }
        let models = listed.sorted { $0.key < $1.key }.map { name, model -> JSONValue in
            [
                "model": .string(name), "slug": .string(name.replacing("/", with: "-")), "title": .string(name),
                "provider": "", "taskType": [.string(model.category)], "description": .null,
                "pricingDesc": model.pricing.map { .string($0) } ?? .null,
            ]
        }
        return Self.envelope(["total": models.count.json, "models": .array(models)])
    }

    /// `GET /api/v1/models/<model>/price`, `/schema` and `/success-rate`; the slash of a name is not encoded.
    func describeModel(_ request: HTTPRequest, _ call: String) -> HTTPResponse {
        if let refusal = gate(request) { return refusal }
        let name = [request.parameters["first"], request.parameters["second"]].compactMap { $0 }.joined(separator: "/")
        guard let model = listed[name] else {
            return Self.envelope(KieRefusal(code: 404, message: "The model name \(name) is not supported"))
        }
        switch call {
        case "price":
            let text = model.pricing.map { JSONValue.string($0) } ?? .null
            return Self.envelope(["model": .string(name), "pricingDesc": text])
        case "schema": return Self.envelope(["model": .string(name), "openapi": model.openapi])
        default:
            let tasks = state.withLock { $0.tasks.values.filter { $0.model == name && $0.isFinal } }
            let good = Double(tasks.count { $0.state == .success })
            let rate: JSONValue = tasks.isEmpty ? .null : .number(good / Double(tasks.count))
            return Self.envelope(["model": .string(name), "points": [["successRate": rate, "isNormal": true]]])
        }
    }

    /// The dedicated calls' models are in no list.
    private var listed: [String: KieModel] {
        let dedicated = Set(KieFamily.creations.compactMap(\.model))
        return tools.resources.catalogue.models.filter { name, _ in
            !dedicated.contains(name) && !name.hasPrefix("veo3") && !name.hasPrefix("flux-kontext-")
        }
    }
}

extension KieModel {
    /// A price text in the provider's way; nil if nothing is published.
    fileprivate var pricing: String? {
        let rows = variants.compactMap { row -> String? in
            guard let credits = row.credits else { return nil }
            let when = row.when.sorted { $0.key < $1.key }.map { "\($0.key) \(JSONText.write($0.value))" }.joined(
                separator: ", "
            )
            let number = credits == credits.rounded() ? String(Int64(credits)) : String(credits)
            return "\(number) credits per \(row.per ?? per ?? "run")" + (when.isEmpty ? "" : " (\(when))")
        }
        return rows.isEmpty ? nil : rows.joined(separator: "; ")
    }

    /// A document of the create call.
    fileprivate var openapi: JSONValue {
        var members: [String: JSONValue] = [:]
        for field in inputs {
            var schema: [String: JSONValue] = ["type": .string(field.jsonType)]
            schema["enum"] = field.enum.map { .array($0) }
            schema["maxLength"] = field.maxLength.map(\.json)
            schema["minimum"] = field.min.map { .number($0) }
            schema["maximum"] = field.max.map { .number($0) }
            schema["maxItems"] = field.maxItems.map(\.json)
            members[field.name] = .object(schema)
        }
        let required = inputs.filter { $0.required == true }.map { JSONValue.string($0.name) }
        let input: JSONValue = ["type": "object", "properties": .object(members), "required": .array(required)]
        let body: JSONValue = [
            "type": "object", "properties": ["model": ["type": "string", "enum": [.string(model)]], "input": input],
        ]
        let call: JSONValue = ["post": ["requestBody": ["content": ["application/json": ["schema": body]]]]]
        return ["openapi": "3.1.0", "info": ["title": .string(model)], "paths": ["/api/v1/jobs/createTask": call]]
    }
}

extension KieField {
    fileprivate var jsonType: String {
        switch type {
        case "integer", "number", "boolean": type
        case _ where type.hasSuffix("_urls") || type.hasSuffix("_list"): "array"
        default: "string"
        }
    }
}
