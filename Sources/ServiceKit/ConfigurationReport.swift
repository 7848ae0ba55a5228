package import Configuration
internal import Contracts

/// What `check-config` prints: every key with its value, and everything that is wrong.
package struct ConfigurationReport: Sendable {
    package let text: String
    package let problems: [ConfigurationProblem]

    package init<Service: AtelierService>(_: Service.Type, _ configuration: ConfigurationReader) {
        self.init(
            name: Service.name.rawValue,
            keys: StandardKey.all(for: Service.name) + Service.configurationKeys,
            configuration
        )
    }

    init(name: String, keys: [any ConfigurationKeyDescription], _ configuration: ConfigurationReader) {
        problems = keys.compactMap { $0.problem(in: configuration) }
        let width = keys.map(\.name.count).max() ?? 0
        var lines = ["Configuration of \(name):"]
        for key in keys {
            let padding = String(repeating: " ", count: width - key.name.count)
            let value = key.shownValue(in: configuration) ?? (key.isRequired ? "MISSING" : "(none)")
            lines.append("  \(key.name)\(padding)  \(value)")
            lines.append("  \(String(repeating: " ", count: width))  # \(key.help); \(key.form)")
        }
        if problems.isEmpty {
            lines.append("All keys can be used.")
        } else {
            lines.append("\(problems.count) to mend:")
            lines += problems.map { "  \($0)" }
        }
        text = lines.joined(separator: "\n")
    }
}
