internal import HTTP
internal import Time

/// One registered handler with the middleware around it.
final class Route: Sendable {
    /// The template; empty for the fallback.
    let template: String
    let maximumBodyBytes: Int
    let timeoutNanoseconds: UInt64
    let handler: Router.Handler
    /// Where arrays that run parallel to the table keep what belongs to this route.
    let number: Int

    init(template: String, maximumBodyBytes: Int, timeout: Duration, number: Int, handler: @escaping Router.Handler) {
        self.template = template
        self.maximumBodyBytes = maximumBodyBytes
        self.timeoutNanoseconds = timeout.nanoseconds
        self.number = number
        self.handler = handler
    }
}

/// The route of one request and the values of its parameters.
struct RouteMatch: Sendable {
    let route: Route
    var parameters = PathParameters()
    /// Whether this is the fallback.
    var isFallback = false

    func fill(_ request: HTTPRequest) -> HTTPRequest {
        var request = request
        request.route = route.template
        request.parameters = parameters
        return request
    }
}

/// All routes of one server as a tree of segments, immutable.
struct RouteTable: Sendable {
    private var root = RouteNode()
    private(set) var routes: [Route] = []
    private let fallback: @Sendable (HTTPRequest, [HTTPMethod]) async throws -> HTTPResponse
    private let middleware: [Router.Middleware]

    /// Time that the fallback has; it does nothing that takes long.
    static let fallbackTimeout = Duration.seconds(5)

    init(_ router: Router) {
        fallback = router.fallback
        middleware = router.middleware
        for registration in router.registrations {
            let route = Route(
                template: registration.template,
                maximumBodyBytes: registration.maximumBodyBytes,
                timeout: registration.timeout,
                number: routes.count,
                handler: Self.wrap(registration.handler, in: middleware)
            )
            routes.append(route)
            let segments = registration.template.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            root.insert(segments[...], registration.method, route, names: [])
        }
    }

    /// The route for a request; the fallback if there is none.
    func match(method: HTTPMethod, target: String) -> RouteMatch {
        guard target.utf8.first == UInt8(ascii: "/") else { return fallbackMatch([]) }  // OPTIONS *
        let path = target.utf8.firstIndex(of: UInt8(ascii: "?")).map { target[..<$0] } ?? target[...]
        var search = RouteSearch()
        if let found = search.find(method, path.dropFirst(), in: root) { return found }
        if method == .head, let found = search.find(.get, path.dropFirst(), in: root) { return found }
        return fallbackMatch(search.allowed)
    }

    private func fallbackMatch(_ found: [HTTPMethod]) -> RouteMatch {
        var allowed = found
        if found.contains(.get), !found.contains(.head) { allowed.append(.head) }
        allowed.sort { $0.rawValue < $1.rawValue }
        let handler = Self.wrap({ [fallback, allowed] in try await fallback($0, allowed) }, in: middleware)
        let route = Route(
            template: "",
            maximumBodyBytes: 0,
            timeout: Self.fallbackTimeout,
            number: routes.count,
            handler: handler
        )
        return RouteMatch(route: route, isFallback: true)
    }

    private static func wrap(_ handler: @escaping Router.Handler, in middleware: [Router.Middleware]) -> Router.Handler
    {
        middleware.reversed().reduce(handler) { next, layer in { try await layer($0, next) } }
    }
}

/// One segment of the tree. Arrays instead of dictionaries: there are few of each, and comparing beats hashing.
struct RouteNode: Sendable {
    struct End: Sendable {
        let method: HTTPMethod
        let route: Route
        /// Parameter names in the order of their segments; they belong to the route, as two templates may name one
        /// segment differently.
        let names: [String]
    }
    fileprivate(set) var ends: [End] = []
    fileprivate var literals: [(segment: String, node: RouteNode)] = []
    /// At most one of each; arrays because a struct cannot contain itself.
    fileprivate var parameter: [RouteNode] = []
    fileprivate var rest: [RouteNode] = []

    mutating func insert(_ segments: ArraySlice<Substring>, _ method: HTTPMethod, _ route: Route, names: [String]) {
        guard let segment = segments.first else {
            precondition(!ends.contains { $0.method == method }, "two handlers for \(method) \(route.template)")
            return ends.append(End(method: method, route: route, names: names))
        }
        let others = segments.dropFirst()
        guard segment.hasPrefix("{"), segment.hasSuffix("}") else {
            let index = literals.firstIndex { $0.segment == segment } ?? literals.count
            if index == literals.count { literals.append((String(segment), RouteNode())) }
            return literals[index].node.insert(others, method, route, names: names)
        }
        let name = String(segment.dropFirst().dropLast())
        if name.hasSuffix("...") {
            precondition(others.isEmpty, "{name...} comes last: \(route.template)")
            if rest.isEmpty { rest = [RouteNode()] }
            rest[0].insert([], method, route, names: names + [String(name.dropLast(3))])
        } else {
            if parameter.isEmpty { parameter = [RouteNode()] }
            parameter[0].insert(others, method, route, names: names + [name])
        }
    }
}

/// The walk through the tree for one path: depth first, literals before parameters before the rest.
private struct RouteSearch {
    private var values: [String] = []
    /// Methods of the ends that fit the path but not the method.
    private(set) var allowed: [HTTPMethod] = []

    /// - Parameter path: Without the slash in front, not decoded; nil once it is used up.
    mutating func find(_ method: HTTPMethod, _ path: Substring?, in node: RouteNode) -> RouteMatch? {
        guard let path else { return end(method, node) }
        let slash = path.utf8.firstIndex(of: UInt8(ascii: "/"))
        let segment = slash.map { path[..<$0] } ?? path
        let others = slash.map { path[path.utf8.index(after: $0)...] }
        for literal in node.literals where literal.segment == segment {
            if let found = find(method, others, in: literal.node) { return found }
        }
        let depth = values.count
        if let next = node.parameter.first, !segment.isEmpty, let value = Self.value(segment) {
            values.append(value)
            if let found = find(method, others, in: next) { return found }
            values.removeSubrange(depth...)
        }
        if let last = node.rest.first, let value = Self.rest(path) {
            values.append(value)
            if let found = end(method, last) { return found }
            values.removeSubrange(depth...)
        }
        return nil
    }

    private mutating func end(_ method: HTTPMethod, _ node: RouteNode) -> RouteMatch? {
        for end in node.ends where end.method == method {
            if values.isEmpty { return RouteMatch(route: end.route) }
            return RouteMatch(route: end.route, parameters: PathParameters(names: end.names, values: values))
        }
        for end in node.ends where !allowed.contains(end.method) { allowed.append(end.method) }
        return nil
    }

    /// The decoded segment; nil if it is not UTF-8 or means a folder, so that no handler can be led out of its own.
    private static func value(_ segment: Substring) -> String? {
        guard let value = percentDecode(segment), value != ".", value != ".." else { return nil }
        return value
    }

    private static func rest(_ path: Substring) -> String? {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        let decoded = segments.compactMap(value)
        return decoded.count == segments.count ? decoded.joined(separator: "/") : nil
    }
}
