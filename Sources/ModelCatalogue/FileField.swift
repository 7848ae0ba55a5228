internal import Contracts

/// What is wrong with a model file.
package struct ModelFileError: Error, Equatable, Sendable {
    /// The file's name.
    package var file: String
    /// From 1; 0 if the file could not be read at all.
    package var line: Int
    /// The member, e.g. `inputs[2].options`.
    package var field: String
    /// What is wrong with it, in English.
    package var reason: String

    package var text: String { "\(file):\(line): \(field.isEmpty ? "" : field + " ")\(reason)" }
}

/// A complaint about one value, before the file and line are known.
struct FieldComplaint: Error {
    var path: [JSONLocator.Part]
    var reason: String
}

/// One value of a model file together with where it stands, so that every complaint can name its place.
struct FileField {
    /// nil if the member is absent.
    let value: JSONValue?
    let path: [JSONLocator.Part]

    init(_ value: JSONValue?, path: [JSONLocator.Part] = []) {
        self.value = value
        self.path = path
    }

    /// Makes something of a whole file.
    ///
    /// - Throws: The first thing that is wrong, with its line.
    static func read<Value>(
        _ bytes: [UInt8],
        file: String,
        _ make: (FileField) throws(FieldComplaint) -> Value
    ) throws(ModelFileError) -> Value {
        let root: JSONValue
        do {
            root = try ContractJSON.decode(JSONValue.self, from: bytes)
        } catch {
            let place = JSONLocator.syntaxLine(of: error, in: bytes)
            throw ModelFileError(file: file, line: place, field: "", reason: "is not JSON")
        }
        do throws(FieldComplaint) {
            return try make(FileField(root))
        } catch {
            let line = JSONLocator(bytes).line(of: error.path)
            throw ModelFileError(file: file, line: line, field: name(of: error.path), reason: error.reason)
        }
    }

    subscript(_ name: String) -> FileField { FileField(value?[name], path: path + [.member(name)]) }

    func complaint(_ reason: String) -> FieldComplaint { FieldComplaint(path: path, reason: reason) }

    /// Refuses anything but an object with members from `names`: a misspelt member must not be ignored.
    func onlyMembers(_ names: [String]) throws(FieldComplaint) {
        guard let members = value?.object else { throw complaint("must be an object") }
        if let stranger = members.keys.sorted().first(where: { !names.contains($0) }) {
            throw self[stranger].complaint("is not a known member")
        }
    }

    func text() throws(FieldComplaint) -> String {
        guard let text = value?.string, !text.isEmpty else { throw complaint("must be a text that is not empty") }
        return text
    }

    func bool() throws(FieldComplaint) -> Bool {
        guard let bool = value?.bool else { throw complaint("must be true or false") }
        return bool
    }

    func integer(_ range: ClosedRange<Int64>) throws(FieldComplaint) -> Int64 {
        guard let number = value?.integer, range.contains(number) else {
            throw complaint("must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func number() throws(FieldComplaint) -> Double {
        guard let number = value?.number else { throw complaint("must be a number") }
        return number
    }

    func elements() throws(FieldComplaint) -> [FileField] {
        guard let list = value?.array else { throw complaint("must be a list") }
        return list.enumerated().map { FileField($1, path: path + [.element($0)]) }
    }

    func members() throws(FieldComplaint) -> [String: JSONValue] {
        guard let members = value?.object else { throw complaint("must be an object") }
        return members
    }

    /// Reads an optional member.
    func ifPresent<Value>(
        _ read: (FileField) throws(FieldComplaint) -> Value
    ) throws(FieldComplaint) -> Value? {
        value == nil ? nil : try read(self)
    }

    /// One of a closed set of words.
    func word<Word: RawRepresentable & CaseIterable>(
        _ type: Word.Type
    ) throws(FieldComplaint) -> Word where Word.RawValue == String {
        guard let text = value?.string, let word = Word(rawValue: text) else {
            throw complaint("must be one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    /// The elements of an optional list.
    func list() throws(FieldComplaint) -> [FileField] { value == nil ? [] : try elements() }

    /// The texts of an optional list; a lone text is a list of one.
    func textsIfPresent() throws(FieldComplaint) -> [String] {
        if value?.string != nil { return [try text()] }
        var texts: [String] = []
        for element in try list() { texts.append(try element.text()) }
        return texts
    }

    func localized() throws(FieldComplaint) -> LocalizedText {
        try onlyMembers(["ru", "en"])
        return LocalizedText(ru: try self["ru"].text(), en: try self["en"].text())
    }

    /// `inputs[2].options`
    static func name(of path: [JSONLocator.Part]) -> String {
        path.reduce(into: "") { text, part in
            switch part {
            case .member(let name): text += (text.isEmpty ? "" : ".") + name
            case .element(let index): text += "[\(index)]"
            }
        }
    }
}
