/// Filling a template: the same wherever it is done.
extension Template {
    /// The prompt with the slots' texts in it.
    ///
    /// Texts are trimmed; what users write is never read as a slot or a bracket. Pieces in `[…]` whose slots are all
    /// empty go.
    ///
    /// - Throws: What is wrong with the texts: `missing`, `too_long` with the slot's limit, `unknown_input`.
    package func filled(with texts: [String: String]) throws(TemplateProblems) -> String {
        var problems: [InputProblem] = []
        var values: [String: String] = [:]
        for slot in slots {
            let text = Self.trimmed(texts[slot.name] ?? "")
            if text.isEmpty {
                if slot.isRequired { problems.append(InputProblem(name: slot.name, reason: .missing)) }
            } else if text.unicodeScalars.count > slot.maximumLength {
                let limit = Double(slot.maximumLength)
                problems.append(InputProblem(name: slot.name, reason: .tooLong, limit: limit))
            }
            values[slot.name] = text
        }
        for name in Set(texts.keys).subtracting(slots.map(\.name)).sorted() {
            problems.append(InputProblem(name: name, reason: .unknownInput))
        }
        guard problems.isEmpty else { throw TemplateProblems(list: problems) }
        return Self.tidied(pieces.map { $0.filled(values) }.joined())
    }

    /// A part of the text: always there, or only with its slots.
    private struct Piece {
        var text: Substring
        var isOptional: Bool

        func filled(_ values: [String: String]) -> String {
            var result = ""
            var rest = text
            while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
                result += rest[..<open]
                let name = String(rest[rest.index(after: open)..<close])
                let value = values[name] ?? ""
                if isOptional, value.isEmpty { return "" }
                result += value
                rest = rest[rest.index(after: close)...]
            }
            return result + rest
        }
    }

    private var pieces: [Piece] {
        var pieces: [Piece] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "["), let close = rest[open...].firstIndex(of: "]") {
            pieces.append(Piece(text: rest[..<open], isOptional: false))
            pieces.append(Piece(text: rest[rest.index(after: open)..<close], isOptional: true))
            rest = rest[rest.index(after: close)...]
        }
        return pieces + [Piece(text: rest, isOptional: false)]
    }

    /// Names of slots in the text, in order, with repeats; nil if a bracket does not close or nests.
    package var slotNames: [String]? {
        var names: [String] = []
        var name: String?
        var isInPiece = false
        for character in text {
            switch (character, name) {
            case ("{", nil): name = ""
            case ("}", let open?):
                names.append(open)
                name = nil
            case ("[", nil) where !isInPiece: isInPiece = true
            case ("]", nil) where isInPiece: isInPiece = false
            case ("{", _), ("}", _), ("[", _), ("]", _): return nil
            case (_, let open?): name = open + String(character)
            default: break
            }
        }
        return name == nil && !isInPiece ? names : nil
    }

    /// The longest prompt that the template can make, in Unicode scalars.
    package var maximumLength: Int {
        let names = slotNames ?? []
        let limits = Dictionary(slots.map { ($0.name, $0.maximumLength) }) { first, _ in first }
        let own = text.unicodeScalars.count - names.map { $0.unicodeScalars.count + 2 }.reduce(0, +)
        return own + names.map { limits[$0] ?? 0 }.reduce(0, +)
    }

    private static func trimmed(_ text: String) -> String {
        let kept = text.drop { $0.isWhitespace }
        return String(kept.reversed().drop { $0.isWhitespace }.reversed())
    }

    /// No doubled spaces where a piece was left out.
    private static func tidied(_ text: String) -> String {
        trimmed(
            text.split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.split(separator: " ").joined(separator: " ") }.joined(separator: "\n")
        )
    }
}

/// Everything that is wrong with the texts for a template's slots.
package struct TemplateProblems: Error, Equatable {
    package var list: [InputProblem]
}
