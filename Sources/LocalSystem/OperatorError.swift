/// Why a command can't go on: one clear sentence and what to do about it.
package struct OperatorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, a full sentence.
    package let problem: String
    /// What the operator can do, a full sentence; may be several lines of commands.
    package let remedy: String

    package init(_ problem: String, _ remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? problem : "\(problem)\n\(remedy)" }
}
