internal import Foundation

/// Reads typed values from the environment.
///
/// A variable that is empty counts as absent, since compose files and unit files pass unset ones that way. Where
/// `<name>_FILE` is set instead, the value is the content of that file without surrounding white space (the way
/// orchestrators hand over secrets).
package struct ConfigurationReader: Sendable {
    private let environment: [String: String]

    /// - Parameter environment: Variables by name; the process's own unless given.
    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.environment = environment
    }

    /// The value of a key or its default.
    ///
    /// - Throws: If there is neither, or if the text has another form. Wrong text never falls back to the default.
    package func value<Value>(_ key: ConfigurationKey<Value>) throws(ConfigurationError) -> Value {
        switch find(key) {
        case .success(let value?): return value
        case .success(nil): throw ConfigurationError([key.missing])
        case .failure(let problem): throw ConfigurationError([problem])
        }
    }

    /// The value of a key or its default, nil if there is neither.
    ///
    /// Malformed text gives nil too; `check` has refused it before a service gets this far.
    package func optional<Value>(_ key: ConfigurationKey<Value>) -> Value? {
        guard case .success(let value) = find(key) else { return nil }
        return value
    }

    /// Refuses the configuration if any of `keys` is missing or malformed.
    ///
    /// - Throws: All problems at once, in the order of `keys`.
    package func check(_ keys: [any ConfigurationKeyDescription]) throws(ConfigurationError) {
        let problems = keys.compactMap { $0.problem(in: self) }
        if !problems.isEmpty { throw ConfigurationError(problems) }
    }

    func find<Value>(_ key: ConfigurationKey<Value>) -> Result<Value?, ConfigurationProblem> {
        let text: String
        switch rawText(key.name) {
        case .failure(let problem): return .failure(problem)
        case .success(nil): return .success(key.default)
        case .success(let found?): text = found
        }
        guard let value = key.parse(text) else {
            let shown = key.isSecret ? "has a value of another form" : "is \"\(text)\""
            return .failure(ConfigurationProblem(key: key.name, reason: "\(shown); it takes \(key.form)"))
        }
        return .success(value)
    }

    private func rawText(_ name: String) -> Result<String?, ConfigurationProblem> {
        if let text = environment[name], !text.isEmpty { return .success(text) }
        guard let path = environment["\(name)_FILE"], !path.isEmpty else { return .success(nil) }
        // Which file can't be read says enough; the system's reason adds nothing an operator needs.
        guard let content = try? String(contentsOfFile: path, encoding: .utf8) else {
            return .failure(ConfigurationProblem(key: name, reason: "can't be read: \(name)_FILE names \(path)"))
        }
        let text = content.trimmingCharacters(in: .whitespacesAndNewlines)
        return .success(text.isEmpty ? nil : text)
    }
}

extension ConfigurationProblem: Error {}
