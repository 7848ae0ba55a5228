/// A configuration value by its environment variable: name, form, default and meaning in one place.
///
/// Keys are declared as constants and listed in a service's `configurationKeys`, so that `check-config` can print and
/// validate all of them without starting the service.
package struct ConfigurationKey<Value: Sendable>: Sendable {
    /// The environment variable, `ATELIER_…`. `<name>_FILE` may name a file that holds the value instead.
    package let name: String
    /// Used when the variable is absent or empty.
    package let `default`: Value?
    /// Whether the service can do without the value although there is no default.
    package let isOptional: Bool
    /// Whether the value is shown as `***`.
    package let isSecret: Bool
    /// What the value does, in a phrase.
    package let help: String
    /// The form that values take, e.g. `a duration such as 5s`.
    package let form: String
    let parse: @Sendable (String) -> Value?
    let show: @Sendable (Value) -> String

    /// A key with a form of its own.
    ///
    /// - Parameters:
    ///   - form: Completes the sentence "it takes …".
    ///   - parse: nil for text of another form.
    ///   - show: The value as it would stand in the environment.
    package init(
        _ name: String,
        default: Value? = nil,
        optional: Bool = false,
        isSecret: Bool = false,
        form: String,
        help: String,
        show: @escaping @Sendable (Value) -> String = { String(describing: $0) },
        parse: @escaping @Sendable (String) -> Value?
    ) {
        self.name = name
        self.default = `default`
        self.isOptional = optional
        self.isSecret = isSecret
        self.form = form
        self.help = help
        self.parse = parse
        self.show = show
    }
}

/// A configuration key without its type, for the key table.
package protocol ConfigurationKeyDescription: Sendable {
    var name: String { get }
    var isSecret: Bool { get }
    /// Whether the service refuses to start without a value.
    var isRequired: Bool { get }
    /// The default as it would stand in the environment; nil if there is none.
    var defaultText: String? { get }
    var form: String { get }
    var help: String { get }
    /// What is wrong with the value that `reader` finds; nil if it can be used.
    func problem(in reader: ConfigurationReader) -> ConfigurationProblem?
    /// The value in use as text, `***` for a secret, nil if there is none or it can't be used.
    func shownValue(in reader: ConfigurationReader) -> String?
}

extension ConfigurationKey: ConfigurationKeyDescription {
    package var isRequired: Bool { `default` == nil && !isOptional }
    package var defaultText: String? { `default`.map { isSecret ? "***" : show($0) } }

    package func problem(in reader: ConfigurationReader) -> ConfigurationProblem? {
        switch reader.find(self) {
        case .success(nil): isRequired ? missing : nil
        case .success: nil
        case .failure(let problem): problem
        }
    }

    package func shownValue(in reader: ConfigurationReader) -> String? {
        guard case .success(let value?) = reader.find(self) else { return nil }
        return isSecret ? "***" : show(value)
    }

    var missing: ConfigurationProblem {
        ConfigurationProblem(key: name, reason: "is missing; it takes \(form): \(help)")
    }
}
