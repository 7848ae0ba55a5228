package import Testing
internal import Time

/// Waits until a condition holds that has no signal of its own; records an issue if it doesn't within `timeout`.
///
/// - Parameter condition: Asked every 5 ms.
package func eventually(
    within timeout: Duration = .seconds(30),
    _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async rethrows {
    let deadline = Deadline.after(timeout)
    while true {
        if try await condition() { return }
        guard !deadline.isExpired else { break }
        try? await Task.sleep(for: .milliseconds(5))  // A cancelled test ends at its deadline.
    }
    Issue.record(comment ?? "the condition did not come true within \(timeout)", sourceLocation: sourceLocation)
}
