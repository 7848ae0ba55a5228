internal import Contracts

/// What the provider's record says about a task.
enum TaskRecord: Sendable, Equatable {
    /// Any state that is not final, known or not.
    case running
    /// The record is not there (yet).
    case notVisible
    case succeeded(TaskResult)
    case failed(ProviderFailure)
    /// The answer can't be used; says nothing about the task.
    case unreadable(String)
}

/// A finished task's files.
struct TaskResult: Sendable, Equatable {
    /// In the provider's order, without doubles.
    var urls: [String]
    /// What the provider took, in thousandths of a credit; nil if it did not say.
    var millicredits: Int64?
}

/// Reads answers of recordInfo and bodies of callbacks, whose `data` has the same members.
enum TaskRecordReader {
    /// Never throws: whatever can't be read is `.unreadable`.
    static func read(_ body: [UInt8]) -> TaskRecord {
        guard let root = TolerantJSON.parse(body) else { return TolerantJSON.scan(body) ?? .unreadable("no JSON") }
        guard let data = root["data"], data.object != nil else { return withoutData(root) }
        switch state(of: data) {
        case .some(true): return .succeeded(result(of: data))
        case .some(false): return .failed(failure(of: data, root))
        case nil: return .running
        }
    }

    /// The task's id, in whichever spelling.
    static func taskID(in body: [UInt8]) -> String? {
        guard let root = TolerantJSON.parse(body) else { return nil }
        let places = [root["data"]?["taskId"], root["data"]?["task_id"], root["taskId"], root["task_id"]]
        return places.compactMap { $0?.string }.first { !$0.isEmpty && $0.utf8.count <= 128 }
    }

    private static func withoutData(_ root: JSONValue) -> TaskRecord {
        let code = root["code"].flatMap(Self.code)
        let text = root["msg"]?.string ?? root["message"]?.string ?? ""
        if code == 200 || code == 404 || code == 422 && text.lowercased().contains("null") { return .notVisible }
        return .unreadable("code \(code.map { String($0) } ?? "none")")
    }

    /// true for success, false for failure, nil for anything that is not final.
    private static func state(of data: JSONValue) -> Bool? {
        switch data["state"]?.string?.lowercased() {
        case "success": true
        case "fail", "failed": false
        case nil:
            switch data["successFlag"]?.integer {
            case 1: true
            case 2, 3: false
            default: nil
            }
        default: nil
        }
    }

    private static func failure(of data: JSONValue, _ root: JSONValue) -> ProviderFailure {
        let failCode = data["failCode"] ?? data["errorCode"] ?? .null
        let text = data["failMsg"]?.string ?? data["errorMessage"]?.string ?? ""
        let word = failCode.string.map { Int($0) == nil ? " \($0)" : "" } ?? ""
        // A code that is a word, such as GENERATION_FAILED, is looked at as text.
        return ProviderFailure(code: code(failCode), text: text + word)
    }

    static func code(_ value: JSONValue) -> Int? {
        (value.integer ?? value.string.flatMap { Int64($0) }).flatMap { Int(exactly: $0) }
    }

    private static func result(of data: JSONValue) -> TaskResult {
        let credits = (data["creditsConsumed"] ?? data["consumeCredits"])?.number
        var sources: [JSONValue] = []
        if let response = data["response"], response.object != nil { sources.append(response) }
        if let text = data["resultJson"]?.string, let parsed = TolerantJSON.parse(Array(text.utf8)) {
            sources.append(parsed)
        }
        if let parsed = data["resultJson"], parsed.object != nil { sources.append(parsed) }
        if let info = data["info"], info.object != nil { sources.append(info) }
        let urls = sources.lazy.map { ResultURLs.find(in: $0) }.first { !$0.isEmpty } ?? []
        return TaskResult(urls: urls, millicredits: credits.flatMap { millicredits($0) })
    }

    private static func millicredits(_ credits: Double) -> Int64? {
        guard credits.isFinite, credits >= 0, credits < 1e9 else { return nil }
        return Int64((credits * 1_000).rounded())
    }
}

/// Finds result files in the many shapes that results have.
enum ResultURLs {
    private static let keys = [
        "resultUrls", "result_urls", "resultUrl", "outputs", "images", "video_url", "resultVideoUrl", "audioWavUrl",
        "audio_url", "audioUrl", "resultImageUrl", "image_url",
    ]

    static func find(in result: JSONValue) -> [String] {
        for key in keys {
            if let value = result[key] {
                let urls = addresses(value)
                if !urls.isEmpty { return unique(urls) }
            }
        }
        // Tracks: one object a file, each with its address and a cover, of which the address is the result.
        let tracks = result["data"]?.array ?? result["sunoData"]?.array ?? []
        return unique(tracks.compactMap { ($0["audio_url"] ?? $0["audioUrl"] ?? $0["url"])?.string }.filter(isAddress))
    }

    private static func addresses(_ value: JSONValue) -> [String] {
        switch value {
        case .string(let text):
            // Once seen as JSON text inside the JSON text.
            if text.hasPrefix("["), let list = TolerantJSON.parse(Array(text.utf8)) { return addresses(list) }
            return isAddress(text) ? [text] : []
        case .array(let list): return list.flatMap { addresses($0) }
        case .object: return (value["resultUrl"] ?? value["url"]).map { addresses($0) } ?? []
        default: return []
        }
    }

    private static func isAddress(_ text: String) -> Bool {
        (text.hasPrefix("https://") || text.hasPrefix("http://")) && text.utf8.count <= 4_096
    }

    private static func unique(_ urls: [String]) -> [String] {
        var seen = Set<String>()
        return urls.filter { seen.insert($0).inserted }
    }
}
