package import Contracts

/// What a run is made with, after defaults were filled in.
package struct RunInputs: Sendable, Equatable, Codable {
    package var values: [String: JSONValue]
    package var media: [String: [MediaReference]]

    package init(values: [String: JSONValue] = [:], media: [String: [MediaReference]] = [:]) {
        self.values = values
        self.media = media
    }

    /// The user's words, from whichever input takes them.
    package var prompt: String? { values["prompt"]?.string ?? values["text"]?.string }

    /// Whether an input is given: a file, or a text that is not empty.
    package func has(_ name: String) -> Bool {
        if let files = media[name], !files.isEmpty { return true }
        return values[name]?.string.map { !$0.isEmpty } ?? (values[name] != nil)
    }

    /// Whether an input meets a condition of a model file: it has that value or, for true and false where the input is
    /// no switch, it is given or not.
    package func meets(_ name: String, _ wanted: JSONValue) -> Bool {
        guard let wish = wanted.bool else { return values[name] == wanted }
        if let flag = values[name]?.bool { return flag == wish }
        return has(name) == wish
    }
}
