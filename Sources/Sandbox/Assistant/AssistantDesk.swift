internal import Contracts
internal import HTTP

/// A stand-in for the language model that helps with prompts: `chat/completions` as OpenAI has it.
///
/// It has no model. Asked to translate it spells Russian words in Latin letters, so that the way through the chat can be
/// seen; anything else it refuses, and templates help as they do without an assistant.
struct AssistantDesk: Sendable {
    func complete(_ request: HTTPRequest) -> HTTPResponse {
        guard let root = try? ContractJSON.decode(JSONValue.self, from: request.body),
            let messages = root["messages"]?.array, let wish = messages.first?["content"]?.string,
            let text = messages.last?["content"]?.string, messages.count > 1
        else { return Self.refusal(400, "messages must have an instruction and a text") }
        guard wish.hasPrefix("Translate") else {
            return Self.refusal(501, "this stand-in only spells in Latin letters")
        }
        return .json([
            "object": "chat.completion",
            "choices": [
                [
                    "index": 0, "finish_reason": "stop",
                    "message": ["role": "assistant", "content": .string(Self.latin(text))],
                ]
            ],
        ])
    }

    private static func refusal(_ status: Int, _ message: String) -> HTTPResponse {
        .json(["error": ["message": .string(message), "type": "invalid_request_error"]], status: status)
    }

    /// Russian in Latin letters, as passports have it (ICAO Doc 9303); everything else stays.
    private static func latin(_ text: String) -> String {
        text.reduce(into: "") { latin, character in
            let small = Character(character.lowercased())
            guard let letters = letters[small] else { return latin.append(character) }
            latin += small == character ? letters : letters.prefix(1).uppercased() + letters.dropFirst()
        }
    }

    private static let letters: [Character: String] = [
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "i",
        "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
        "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "ie", "ы": "y", "ь": "", "э": "e", "ю": "iu",
        "я": "ia",
    ]
}
