internal import Contracts

/// One task of the KIE stand-in.
struct KieTask: Codable, Sendable {
    /// `waiting` and `generating` are running, `success` and `fail` final.
    enum State: String, Codable, Sendable {
        case waiting, generating, success, fail
    }

    /// A file that was sent along.
    struct Source: Codable, Sendable, Equatable {
        var field: String
        var url: String
        /// SHA-256 in hexadecimal; nil if the file could not be fetched.
        var sha256: String?
        var bytes: Int = 0
    }

    /// A result file; its content is drawn when it is asked for.
    struct File: Codable, Sendable, Equatable {
        var name: String
        var mimeType: String
    }

    /// One try to deliver the callback.
    struct Delivery: Codable, Sendable, Equatable {
        var at: Int64
        /// HTTP status, 0 for no answer.
        var status: Int
        var note: String
    }

    var id: String
    var model: String
    /// nil for the common task call.
    var family: KieFamily?
    var input: [String: JSONValue]
    var callbackURL: String?
    /// Where result files can be fetched, without a slash at the end.
    var base: String
    var script: KieScript
    var cost: Double
    /// Unix milliseconds.
    var createdAt: Int64
    var dueAt: Int64
    var completedAt: Int64?
    var state: State = .waiting
    var failCode: String?
    var failMessage: String?
    var resultJSON: String?
    var sources: [Source] = []
    var files: [File] = []
    var deliveries: [Delivery] = []
    /// Whether nothing more has to be delivered.
    var isToldOff = false
    /// Members of the input that the model does not know.
    var ignored: [String] = []

    /// Whether the task has ended.
    var isFinal: Bool { state == .success || state == .fail }

    /// The user's words, from whichever field the model takes them.
    var prompt: String {
        for name in ["prompt", "text", "script", "lyrics", "title"] {
            if let text = input[name]?.string, !text.isEmpty { return text }
        }
        if let lines = input["dialogue"]?.array {
            return lines.compactMap { $0["text"]?.string }.joined(separator: " ")
        }
        return ""
    }

    /// The name and value of every setting worth showing: no prompt, no URLs.
    var settings: [(name: String, value: String)] {
        input.sorted { $0.key < $1.key }.compactMap { name, value in
            switch value {
            case .string(let text) where text.count <= 24 && !text.hasPrefix("http") && text != prompt: (name, text)
            case .integer(let number): (name, String(number))
            case .number(let number): (name, String(number))
            case .bool(let flag): (name, flag ? "да" : "нет")
            default: nil
            }
        }
    }

    /// The echo of the request, JSON text in which `input` is JSON text again.
    var param: String {
        var members: [String: JSONValue] = [
            "model": .string(model),
            "input": .string(JSONText.write(.object(["nsfw_checker": false].merging(input) { $1 }))),
        ]
        members["callBackUrl"] = callbackURL.map { .string($0) }
        return JSONText.write(.object(members))
    }

    /// `data` of recordInfo.
    func record(now: Int64) -> JSONValue {
        var members: [String: JSONValue] = [
            "taskId": .string(id), "model": .string(model), "state": .string(state.rawValue), "param": .string(param),
            "resultJson": .string(resultJSON ?? ""), "failCode": failCode.map { .string($0) } ?? .null,
            "failMsg": failMessage.map { .string($0) } ?? .null, "createTime": createdAt.json,
            "completeTime": completedAt?.json ?? .null,
            "costTime": completedAt.map { (($0 - createdAt) / 1_000).json } ?? .null,
            "updateTime": (completedAt ?? now).json,
            "successFlag": state == .success ? 1 : state == .fail ? 3 : 0,
        ]
        if isFinal { members["creditsConsumed"] = .number(state == .success ? cost : 0) }
        // Our own text always parses.
        if let resultJSON, let response = try? JSONText.parse(resultJSON) { members["response"] = response }
        return .object(members)
    }

    /// The body of the callback.
    func callbackBody(now: Int64) -> JSONValue {
        var data: [String: JSONValue] = [
            "taskId": .string(id), "model": .string(model), "state": .string(state.rawValue), "param": .string(param),
            "resultJson": resultJSON.map { .string($0) } ?? .null, "failCode": failCode.map { .string($0) } ?? .null,
            "failMsg": failMessage.map { .string($0) } ?? .null, "createTime": createdAt.json,
            "completeTime": completedAt?.json ?? .null, "updateTime": now.json,
            "costTime": completedAt.map { (($0 - createdAt) / 1_000).json } ?? .null,
        ]
        data["creditsConsumed"] = .number(state == .success ? cost : 0)
        return [
            "code": state == .success ? 200 : 501,
            "msg": state == .success ? "Playground task completed successfully." : "Playground task failed.",
            "data": .object(data),
        ]
    }

    /// The bodies of the callbacks, in their order.
    func callbackBodies(now: Int64) -> [JSONValue] { family?.callbacks(self) ?? [callbackBody(now: now)] }

    /// Ends the task badly; no credits are taken.
    mutating func fail(code: String, message: String, at now: Int64) {
        state = .fail
        failCode = code
        failMessage = message
        completedAt = now
    }

    /// Ends the task well.
    mutating func succeed(_ result: KieResult, at now: Int64) {
        state = .success
        resultJSON = JSONText.write(result.json)
        files = result.files
        completedAt = now
    }
}
