internal import Configuration
internal import Contracts
internal import HTTP
internal import HTTPClient
internal import ServiceKit
internal import Time

/// A language model behind an OpenAI-compatible `chat/completions` call. Asked once: a repeat would cost again.
struct PromptAssistant: Sendable {
    /// Where it is and who asks.
    struct Configuration: Sendable {
        /// With the version, e.g. `https://api.openai.com/v1`.
        var url: String
        var key: Secret?
        var model: String
    }

    let configuration: Configuration
    let http: HTTPClient
    private static let timeout = Duration.seconds(20)
    /// What is kept of the caller's time for an answer by templates.
    private static let reserve = Duration.milliseconds(500)
    private static let maximumTokens: Int64 = 1_500

    /// - Returns: The assistant's words; nil if it did not answer in time or said nothing of use.
    func answer(to text: String, instructed instruction: String) async -> String? {
        let body: JSONValue = [
            "model": .string(configuration.model), "temperature": .number(0.7),
            "max_tokens": .integer(Self.maximumTokens),
            "messages": [
                ["role": "system", "content": .string(instruction)], ["role": "user", "content": .string(text)],
            ],
        ]
        guard let bytes = try? ContractJSON.encode(body) else { return nil }
        let timeout = min(Self.timeout, (CallDeadline.current?.remaining ?? Self.timeout) - Self.reserve)
        guard timeout > .zero else { return nil }
        var fields: HTTPFields = ["Content-Type": "application/json"]
        if let key = configuration.key { fields["Authorization"] = "Bearer \(key.text)" }
        let request = ClientRequest(
            method: .post,
            url: configuration.url + "/chat/completions",
            fields: fields,
            body: .bytes(bytes),
            timeout: timeout,
            maximumResponseBytes: 1 << 20,
            peer: "assistant",
            circuit: "assistant"
        )
        // Whatever went wrong, templates help instead.
        guard let response = try? await http.send(request), response.status == 200,
            let root = try? ContractJSON.decode(JSONValue.self, from: response.body)
        else { return nil }
        return root["choices"]?.array?.first?["message"]?["content"]?.string.flatMap(Self.cleaned)
    }

    /// Without the quotes and fences that assistants like to put around their answers; nil if nothing is left.
    static func cleaned(_ answer: String) -> String? {
        var text = answer[...]
        func trim() {
            while let first = text.first, first.isWhitespace { text.removeFirst() }
            while let last = text.last, last.isWhitespace { text.removeLast() }
        }
        trim()
        if text.hasPrefix("```"), text.hasSuffix("```"), text.count > 6 {
            text = text.dropFirst(3).dropLast(3)
            // The word after the fence names a language.
            if let end = text.firstIndex(where: \.isNewline) { text = text[text.index(after: end)...] }
            trim()
        }
        for (open, close) in [("\"", "\""), ("«", "»"), ("“", "”")]
        where text.count > 2 && text.hasPrefix(open) && text.hasSuffix(close)
            && !text.dropFirst().dropLast().contains(open)
        {
            text = text.dropFirst().dropLast()
            trim()
        }
        return text.isEmpty ? nil : String(text)
    }
}
