// The forms of values. Each factory is used as `ConfigurationKey.duration("ATELIER_…", default: .seconds(5), help: "…")`.

extension ConfigurationKey where Value == String {
    /// Any text.
    package static func string(
        _ name: String,
        default: String? = nil,
        optional: Bool = false,
        isSecret: Bool = false,
        help: String
    ) -> Self {
        Self(name, default: `default`, optional: optional, isSecret: isSecret, form: "text", help: help) { $0 }
    }

    /// An absolute http or https URL; a trailing slash is dropped, so that paths can be appended.
    package static func url(
        _ name: String,
        default: String? = nil,
        optional: Bool = false,
        isSecret: Bool = false,
        help: String
    ) -> Self {
        let form = "a URL such as http://127.0.0.1:8080"
        return Self(name, default: `default`, optional: optional, isSecret: isSecret, form: form, help: help) { text in
            guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }),
                text.count > scheme.count, !text.contains(where: { $0.isWhitespace })
            else { return nil }
            return text.hasSuffix("/") ? String(text.dropLast()) : text
        }
    }
}

extension ConfigurationKey where Value == Int {
    /// A whole number within `range`.
    package static func int(
        _ name: String,
        default: Int? = nil,
        optional: Bool = false,
        range: ClosedRange<Int> = 0...Int.max,
        help: String
    ) -> Self {
        let limits =
            range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
        let form = "a whole number, \(limits)"
        return Self(name, default: `default`, optional: optional, form: form, help: help) { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension ConfigurationKey where Value == Bool {
    /// A switch: 1, true, yes, on or 0, false, no, off.
    package static func bool(_ name: String, default: Bool? = false, help: String) -> Self {
        Self(name, default: `default`, form: "1 or 0", help: help, show: { $0 ? "1" : "0" }) { text in
            switch text.lowercased() {
            case "1", "true", "yes", "on": true
            case "0", "false", "no", "off": false
            default: nil
            }
        }
    }
}

extension ConfigurationKey where Value == Duration {
    /// A length of time: a whole number and ms, s, m, h or d.
    package static func duration(
        _ name: String,
        default: Duration? = nil,
        optional: Bool = false,
        help: String
    ) -> Self {
        let form = "a duration such as 200ms, 5s, 10m, 2h or 7d"
        return Self(
            name,
            default: `default`,
            optional: optional,
            form: form,
            help: help,
            show: { $0.configurationText },
            parse: { Duration(configurationText: $0) }
        )
    }
}

extension ConfigurationKey where Value == [String] {
    /// Texts separated by commas; white space around them and empty ones are dropped.
    package static func list(
        _ name: String,
        default: [String]? = nil,
        optional: Bool = false,
        isSecret: Bool = false,
        help: String
    ) -> Self {
        Self(
            name,
            default: `default`,
            optional: optional,
            isSecret: isSecret,
            form: "values separated by commas",
            help: help,
            show: { $0.joined(separator: ",") },
            parse: { commaSeparated($0) }
        )
    }
}

extension ConfigurationKey where Value == Secret {
    /// A value that is never shown.
    package static func secret(_ name: String, default: Secret? = nil, optional: Bool = false, help: String) -> Self {
        Self(name, default: `default`, optional: optional, isSecret: true, form: "a secret text", help: help) {
            Secret($0)
        }
    }
}

extension ConfigurationKey where Value == [String: Secret] {
    /// Secrets by name: `billing=token,delivery=token`. A name that occurs twice is refused.
    package static func secrets(
        _ name: String,
        default: [String: Secret]? = nil,
        optional: Bool = false,
        help: String
    ) -> Self {
        let form = "pairs such as name=secret,name=secret"
        return Self(name, default: `default`, optional: optional, isSecret: true, form: form, help: help) { text in
            var secrets: [String: Secret] = [:]
            for pair in commaSeparated(text) {
                guard let separator = pair.firstIndex(of: "=") else { return nil }
                let value = String(pair[pair.index(after: separator)...])
                guard separator > pair.startIndex, !value.isEmpty else { return nil }
                guard secrets.updateValue(Secret(value), forKey: String(pair[..<separator])) == nil else { return nil }
            }
            return secrets
        }
    }
}

extension ConfigurationKey where Value == ListenAddress {
    /// Where a listener opens its port.
    package static func listen(
        _ name: String,
        default: ListenAddress? = nil,
        optional: Bool = false,
        help: String
    ) -> Self {
        let form = "an address and port such as 127.0.0.1:8103 or [::1]:8103"
        return Self(name, default: `default`, optional: optional, form: form, help: help) { ListenAddress($0) }
    }
}

extension ConfigurationKey
where Value: RawRepresentable & CaseIterable, Value.RawValue == String, Value.AllCases: Sendable {
    /// One of a closed set of words.
    package static func choice(_ name: String, default: Value? = nil, optional: Bool = false, help: String) -> Self {
        let form = "one of " + Value.allCases.map(\.rawValue).joined(separator: ", ")
        return Self(name, default: `default`, optional: optional, form: form, help: help, show: { $0.rawValue }) {
            Value(rawValue: $0)
        }
    }
}

/// An address and port to listen on. Port 0 asks the system for any free one.
package struct ListenAddress: Sendable, Hashable, LosslessStringConvertible {
    /// A numeric IPv4 or IPv6 address, or a name.
    package var host: String
    /// 0...65535.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`, with brackets around an IPv6 address.
    package init?(_ description: String) {
        guard let separator = description.lastIndex(of: ":"),
            let port = Int(description[description.index(after: separator)...]), (0...65_535).contains(port)
        else { return nil }
        var host = String(description[..<separator])
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace }) else { return nil }
        self.init(host: host, port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

private func commaSeparated(_ text: String) -> [String] {
    text.split(separator: ",").map { part in
        String(part.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }.filter { !$0.isEmpty }
}
