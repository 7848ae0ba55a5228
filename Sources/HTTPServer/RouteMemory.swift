internal import HTTP

/// What the last request of a connection was for: who sends webhooks or calls a service asks for the same thing again.
struct RouteMemory {
    /// A longer target is looked up each time, so that an idle connection keeps little.
    private static let maximumBytes = 256

    private var last: (method: HTTPMethod, target: String, match: RouteMatch)?

    mutating func match(_ table: RouteTable, method: HTTPMethod, target: String) -> RouteMatch {
        if let last, last.method == method, last.target == target { return last.match }
        let match = table.match(method: method, target: target)
        last = match.isFallback || target.utf8.count > Self.maximumBytes ? nil : (method, target, match)
        return match
    }
}
