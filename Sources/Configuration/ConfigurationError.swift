/// One thing that is wrong with the configuration.
package struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    /// The environment variable.
    package let key: String
    /// What is wrong with it and what would be right, e.g. `is missing; it takes a duration such as 5s`.
    ///
    /// Never contains the value of a secret key.
    package let reason: String

    package init(key: String, reason: String) {
        self.key = key
        self.reason = reason
    }

    package var description: String { "\(key) \(reason)" }
}

/// Configuration that can't be used: everything that is wrong, at once.
package struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// At least one problem, in the order of the key table.
    package let problems: [ConfigurationProblem]

    package init(_ problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    /// One problem, for values that only make sense together.
    package init(key: String, reason: String) {
        self.problems = [ConfigurationProblem(key: key, reason: reason)]
    }

    /// One line a problem.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
