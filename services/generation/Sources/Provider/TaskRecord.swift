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

    var isSuccess: Bool { if case .succeeded = self { true } else { false } }
}

/// A finished task's files.
struct TaskResult: Sendable, Equatable {
    /// In the provider's order, without doubles. A result that is a text has a `data:` address.
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
        // Suno's calls spell it `status`; a callback that failed is no failure of the task.
        switch (data["state"] ?? data["status"])?.string?.lowercased() {
        case "success", "callback_exception": true
        case "fail", "failed", "create_task_failed", "generate_failed", "generate_audio_failed",
            "generate_lyrics_failed", "sensitive_word_error":
            false
        default: flag(data)
        }
    }

    private static func flag(_ data: JSONValue) -> Bool? {
        guard let flag = data["successFlag"]?.integer else { return nil }
        return flag == 1 ? true : flag == 2 || flag == 3 ? false : nil
    }

    private static func failure(of data: JSONValue, _ root: JSONValue) -> ProviderFailure {
        let failCode = data["failCode"] ?? data["errorCode"] ?? .null
        let status = data["status"]?.string.flatMap { $0.lowercased().contains("sensitive") ? $0 : nil }
        let text = [data["failMsg"]?.string ?? data["errorMessage"]?.string, status].compactMap { $0 }
            .filter { !$0.isEmpty }.joined(separator: " ")
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
        for name in ["info", "videoInfo"] {
            if let info = data[name], info.object != nil { sources.append(info) }
        }
        var urls = sources.lazy.map { ResultURLs.find(in: $0) }.first { !$0.isEmpty } ?? []
        if urls.isEmpty { urls = sources.lazy.compactMap { ResultText.find(in: $0) }.prefix(1).map { $0 } }
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
        "resultUrls", "result_urls", "resultUrl", "outputs", "images", "video_url", "videoUrl", "resultVideoUrl",
        "result_video_url", "audioWavUrl", "audio_url", "audioUrl", "resultImageUrl", "image_url",
    ]
    /// Addresses that stand beside results.
    private static let besides = ["origin", "stream", "image", "cover", "source", "param", "first", "last"]

    static func find(in result: JSONValue) -> [String] {
        for key in keys {
            if let value = result[key] {
                let urls = addresses(value)
                if !urls.isEmpty { return unique(urls) }
            }
        }
        // Tracks: one object a file, each with its address and a cover, of which the address is the result.
        let tracks = result["data"]?.array ?? result["sunoData"]?.array ?? []
        let urls = tracks.compactMap { ($0["audio_url"] ?? $0["audioUrl"] ?? $0["url"])?.string }.filter(isAddress)
        return unique(urls.isEmpty ? named(result) : urls)
    }

    /// Stems and the like come as one named member each: `vocal_url`, `instrumental_url`.
    private static func named(_ result: JSONValue) -> [String] {
        let inner = (result["resultObject"] ?? result["vocal_separation_info"] ?? result).object ?? [:]
        return inner.sorted { $0.key < $1.key }
            .filter { member in !besides.contains { member.key.lowercased().contains($0) } }
            .compactMap { $0.value.string }.filter(isAddress)
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
