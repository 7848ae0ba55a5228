import Contracts

/// Reads the strict part of YAML that contracts/ is written in, into JSON values.
///
/// Block mappings and sequences, flow ones on a single line, plain and double-quoted scalars, `>-` text, comments on
/// lines of their own. Anything else (tabs, anchors, tags, several documents, doubled keys) is an error: two readers
/// can then not understand a contract differently.
struct YAMLSubset {
    struct Failure: Error, CustomStringConvertible {
        var line: Int
        var reason: String
        var description: String { "line \(line): \(reason)" }
    }

    private struct Line {
        var number: Int
        var indent: Int
        var text: Substring
    }

    private var lines: [Line] = []
    private var next = 0

    static func parse(_ text: String) throws -> JSONValue {
        var parser = try YAMLSubset(text)
        let value = try parser.block(indent: 0)
        if let rest = parser.peek() { throw Failure(line: rest.number, reason: "an indentation that fits nothing") }
        return value
    }

    private init(_ text: String) throws {
        for (offset, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard !line.contains("\t") else { throw Failure(line: offset + 1, reason: "a tab") }
            guard line != "---" else { throw Failure(line: offset + 1, reason: "several documents") }
            let indent = line.prefix { $0 == " " }.count
            lines.append(Line(number: offset + 1, indent: indent, text: line.dropFirst(indent)))
        }
    }

    /// The next line that is neither empty nor a comment.
    private mutating func peek() -> Line? {
        while next < lines.count, lines[next].text.isEmpty || lines[next].text.hasPrefix("#") { next += 1 }
        return next < lines.count ? lines[next] : nil
    }

    private mutating func block(indent: Int) throws -> JSONValue {
        guard let first = peek(), first.indent == indent else {
            throw Failure(line: next, reason: "expected a value at column \(indent)")
        }
        return first.text.hasPrefix("- ") ? try sequence(indent: indent) : try mapping(indent: indent)
    }

    private mutating func sequence(indent: Int) throws -> JSONValue {
        var elements: [JSONValue] = []
        while let line = peek(), line.indent == indent {
            guard line.text.hasPrefix("- ") else { throw Failure(line: line.number, reason: "expected `- `") }
            let rest = line.text.dropFirst(2)
            if !rest.hasPrefix("{"), !rest.hasPrefix("["), try Self.key(of: rest, line: line.number) != nil {
                lines[next] = Line(number: line.number, indent: indent + 2, text: rest)
                elements.append(try mapping(indent: indent + 2))
            } else {
                next += 1
                elements.append(try FlowScanner.value(rest, line: line.number))
            }
        }
        return .array(elements)
    }

    private mutating func mapping(indent: Int) throws -> JSONValue {
        var members: [String: JSONValue] = [:]
        while let line = peek(), line.indent == indent {
            guard let (name, rest) = try Self.key(of: line.text, line: line.number) else {
                throw Failure(line: line.number, reason: "expected `key:`")
            }
            guard members[name] == nil else { throw Failure(line: line.number, reason: "'\(name)' twice") }
            next += 1
            members[name] = try value(rest, of: line)
        }
        return .object(members)
    }

    private mutating func value(_ rest: Substring, of line: Line) throws -> JSONValue {
        switch rest {
        case "":
            guard let inner = peek(), inner.indent > line.indent else {
                throw Failure(line: line.number, reason: "a key without a value")
            }
            return try block(indent: inner.indent)
        case ">-":
            var words: [Substring] = []
            while next < lines.count, lines[next].indent > line.indent, !lines[next].text.isEmpty {
                words.append(lines[next].text)
                next += 1
            }
            return .string(words.joined(separator: " "))
        default:
            return try FlowScanner.value(rest, line: line.number)
        }
    }

    /// The key at the start of a line and what follows its colon; nil if there is none.
    private static func key(of text: Substring, line: Int) throws -> (String, Substring)? {
        var scanner = FlowScanner(text, line: line)
        let name: String
        if text.hasPrefix("\"") {
            name = try scanner.quoted()
        } else {
            guard let colon = text.firstRange(of: ": ")?.lowerBound ?? (text.hasSuffix(":") ? text.indices.last : nil)
            else { return nil }
            name = String(text[..<colon])
            scanner.rest = text[colon...]
        }
        guard scanner.rest == ":" || scanner.rest.hasPrefix(": ") else { return nil }
        return (name, scanner.rest.dropFirst(scanner.rest == ":" ? 1 : 2))
    }
}

/// Reads values that stand on one line.
private struct FlowScanner {
    var rest: Substring
    let line: Int

    init(_ text: Substring, line: Int) {
        self.rest = text
        self.line = line
    }

    static func value(_ text: Substring, line: Int) throws -> JSONValue {
        var scanner = FlowScanner(text, line: line)
        let value = try scanner.value(inFlow: false)
        guard scanner.rest.isEmpty else { throw scanner.failure("text after the value: \(scanner.rest)") }
        return value
    }

    private func failure(_ reason: String) -> YAMLSubset.Failure { .init(line: line, reason: reason) }

    private mutating func value(inFlow: Bool) throws -> JSONValue {
        switch rest.first {
        case "\"": return .string(try quoted())
        case "[":
            var elements: [JSONValue] = []
            try list(closing: "]") { elements.append(try $0.value(inFlow: true)) }
            return .array(elements)
        case "{":
            var members: [String: JSONValue] = [:]
            try list(closing: "}") { scanner in
                let name = try scanner.memberName()
                members[name] = try scanner.value(inFlow: true)
            }
            return .object(members)
        default: return try plain(inFlow: inFlow)
        }
    }

    private mutating func list(closing: Character, _ element: (inout FlowScanner) throws -> Void) throws {
        rest.removeFirst()
        while rest.first != closing {
            try element(&self)
            if rest.hasPrefix(", ") {
                rest.removeFirst(2)
            } else if rest.first != closing {
                throw failure("expected ,")
            }
        }
        rest.removeFirst()
    }

    private mutating func memberName() throws -> String {
        let name: String
        if rest.first == "\"" {
            name = try quoted()
        } else {
            name = String(rest.prefix { $0 != ":" })
            rest.removeFirst(name.count)
        }
        guard rest.hasPrefix(": ") else { throw failure("expected a colon") }
        rest.removeFirst(2)
        return name
    }

    /// A JSON string.
    mutating func quoted() throws -> String {
        var length = 1
        var isEscaped = false
        for character in rest.dropFirst() {
            length += 1
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                let text = rest.prefix(length)
                rest.removeFirst(length)
                return try ContractJSON.decode(String.self, from: text.utf8)
            }
        }
        throw failure("a string without an end")
    }

    private mutating func plain(inFlow: Bool) throws -> JSONValue {
        let text = String(inFlow ? rest.prefix { !",]}".contains($0) } : rest)
        rest.removeFirst(text.count)
        guard let first = text.first, !"&*!|>%@`'#?-".contains(first) || Int64(text) != nil,
            !text.contains(": "), !text.contains(" #"), text.last != " "
        else { throw failure("a plain scalar that must be quoted: \(text)") }
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        default:
            if let whole = Int64(text) { return .integer(whole) }
            if let number = Double(text) { return .number(number) }
            return .string(text)
        }
    }
}
