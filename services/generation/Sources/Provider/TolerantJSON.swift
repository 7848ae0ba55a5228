internal import Contracts

/// Reads the provider's JSON, some of which is broken: `param` echoes the request with quotes that are not always
/// escaped. Nothing in it is needed, so it is cut out.
enum TolerantJSON {
    /// Ends of `param` that are tried before giving up.
    private static let maximumCuts = 64
    private static let neighbours = [
        "resultJson", "response", "state", "failCode", "failMsg", "costTime", "completeTime", "createTime",
        "updateTime", "successFlag", "creditsConsumed", "progress", "model", "taskId",
    ]

    /// The value, or the value without `param`; nil if both can't be read.
    static func parse(_ bytes: [UInt8]) -> JSONValue? {
        if let value = decode(bytes) { return value }
        let text = String(decoding: bytes, as: UTF8.self)
        for name in ["param", "paramJson"] {
            if let value = withoutMember(name, text) { return value }
        }
        return nil
    }

    /// The last resort for a body that is cut off or broken elsewhere: the state and the addresses as plain text.
    static func scan(_ bytes: [UInt8]) -> TaskRecord? {
        let text = String(decoding: bytes, as: UTF8.self)
        // Behind the echo of the request, which could hold anything.
        let tail = text.ranges(of: "\"state\":\"").last.map { text[$0.upperBound...] } ?? text[...]
        if tail.hasPrefix("success\"") {
            let urls = addresses(in: text)
            return urls.isEmpty ? nil : .succeeded(TaskResult(urls: urls, millicredits: nil))
        }
        if tail.hasPrefix("fail\"") {
            return .failed(ProviderFailure(code: nil, text: member("failMsg", in: text) ?? ""))
        }
        return nil
    }

    private static func decode(_ bytes: [UInt8]) -> JSONValue? {
        // What is wrong does not matter: the next way of reading is tried.
        try? ContractJSON.decode(JSONValue.self, from: bytes)
    }

    private static func withoutMember(_ name: String, _ text: String) -> JSONValue? {
        guard let start = text.firstRange(of: "\"\(name)\":") else { return nil }
        let rest = text[start.upperBound...]
        var cuts: [String.Index] = []
        for neighbour in neighbours { cuts += rest.ranges(of: "\",\"\(neighbour)\":").map(\.lowerBound) }
        for cut in cuts.sorted().prefix(maximumCuts) {
            let candidate = String(text[..<start.lowerBound]) + String(text[text.index(cut, offsetBy: 2)...])
            if let value = decode(Array(candidate.utf8)), value["data"]?["state"] != nil || value["state"] != nil {
                return value
            }
        }
        return nil
    }

    private static func addresses(in text: String) -> [String] {
        guard let mark = text.ranges(of: "resultUrls").last else { return [] }
        let list = text[mark.upperBound...].prefix { $0 != "]" }
        return list.replacing("\\/", with: "/").replacing("\\", with: "").split(separator: "\"").map(String.init)
            .filter { $0.hasPrefix("https://") || $0.hasPrefix("http://") }
    }

    private static func member(_ name: String, in text: String) -> String? {
        guard let mark = text.ranges(of: "\"\(name)\":\"").last else { return nil }
        return String(text[mark.upperBound...].prefix { $0 != "\"" })
    }
}
