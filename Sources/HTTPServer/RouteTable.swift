internal import HTTP

/// One registered handler with the middleware around it.
final class Route: Sendable {
    /// The template; empty for the fallback.
    let template: String
    let maximumBodyBytes: Int
    let timeout: Duration
    let handler: Router.Handler
    /// Where the table's parallel arrays keep what belongs to this route.
    let number: Int

    init(template: String, maximumBodyBytes: Int, timeout: Duration, number: Int, handler: @escaping Router.Handler) {
        self.template = template
        self.maximumBodyBytes = maximumBodyBytes
        self.timeout = timeout
        self.number = number
        self.handler = handler
    }
}

/// The route of one request and the values of its parameters.
struct RouteMatch: Sendable {
    let route: Route
    var parameters: [String: String] = [:]
    /// Whether this is the fallback.
    var isFallback = false

    func fill(_ request: HTTPRequest) -> HTTPRequest {
        var request = request
        request.route = route.template
        request.parameters = parameters
        return request
    }
}

/// All routes of one server as a tree of segments, immutable. Paths without parameters are found with one look-up.
struct RouteTable: Sendable {
    private var root = Node()
    private var literal: [String: [HTTPMethod: Route]] = [:]
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
            let segments = Self.segments(registration.template)
            root.insert(segments[...], registration.method, route, names: [])
            if !registration.template.utf8.contains(UInt8(ascii: "{")) {
                literal[registration.template, default: [:]][registration.method] = route
            }
        }
    }

    /// The route for a request; the fallback if there is none.
    func match(method: HTTPMethod, target: String) -> RouteMatch {
        let path = target.utf8.firstIndex(of: UInt8(ascii: "?")).map { String(target[..<$0]) } ?? target
        if let methods = literal[path], let route = methods[method] { return RouteMatch(route: route) }
        let segments = Self.segments(path)
        var values: [String] = []
        let wanted = method == .head ? [.head, .get] : [method]
        for method in wanted {
            values = []
            if let leaf = root.find(segments[...], &values, { $0.routes[method] != nil }),
                let entry = leaf.routes[method]
            {
                let parameters = Dictionary(zip(entry.names, values)) { first, _ in first }
                return RouteMatch(route: entry.route, parameters: parameters)
            }
        }
        var allowed: Set<HTTPMethod> = []
        values = []
        _ = root.find(segments[...], &values) { leaf in
            allowed.formUnion(leaf.routes.keys)
            return false
        }
        return fallbackMatch(allowed)
    }

    private func fallbackMatch(_ found: Set<HTTPMethod>) -> RouteMatch {
        let implied: [HTTPMethod] = found.contains(.get) ? [.head] : []
        let allowed = found.union(implied).sorted { $0.rawValue < $1.rawValue }
        let handler = Self.wrap({ [fallback] in try await fallback($0, allowed) }, in: middleware)
        // A body for nobody is not read: its limit is zero, and what comes is drained while closing.
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

    /// `/a/b` → `a`, `b`; `/` → one empty segment; a slash at the end makes an empty last segment.
    static func segments(_ path: String) -> [Substring] {
        path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    }
}

/// One segment of the tree.
private struct Node: Sendable {
    struct Entry: Sendable {
        let route: Route
        /// Parameter names in the order of their segments; they belong to the route, as two templates may name one
        /// segment differently.
        let names: [String]
    }
    var routes: [HTTPMethod: Entry] = [:]
    var literals: [String: Node] = [:]
    /// At most one of each; an array because a struct cannot contain itself.
    var parameter: [Node] = []
    var rest: [Node] = []

    mutating func insert(_ segments: ArraySlice<Substring>, _ method: HTTPMethod, _ route: Route, names: [String]) {
        guard let segment = segments.first else {
            precondition(routes[method] == nil, "two handlers for \(method) \(route.template)")
            routes[method] = Entry(route: route, names: names)
            return
        }
        let others = segments.dropFirst()
        guard segment.hasPrefix("{"), segment.hasSuffix("}") else {
            literals[String(segment), default: Node()].insert(others, method, route, names: names)
            return
        }
        let name = segment.dropFirst().dropLast()
        if name.hasSuffix("...") {
            precondition(others.isEmpty, "{name...} comes last: \(route.template)")
            if rest.isEmpty { rest = [Node()] }
            rest[0].insert([], method, route, names: names + [String(name.dropLast(3))])
        } else {
            if parameter.isEmpty { parameter = [Node()] }
            parameter[0].insert(others, method, route, names: names + [String(name)])
        }
    }

    /// Depth first, literals before parameters before the rest, until `accept` says yes to an end.
    func find(_ segments: ArraySlice<Substring>, _ values: inout [String], _ accept: (Node) -> Bool) -> Node? {
        guard let segment = segments.first else { return !routes.isEmpty && accept(self) ? self : nil }
        let others = segments.dropFirst()
        if let found = literals[String(segment)]?.find(others, &values, accept) { return found }
        let count = values.count
        if let next = parameter.first, let value = Self.value(segment), !value.isEmpty {
            values.append(value)
            if let found = next.find(others, &values, accept) { return found }
            values.removeSubrange(count...)
        }
        guard let last = rest.first else { return nil }
        let decoded = segments.compactMap(Self.value)
        guard decoded.count == segments.count, accept(last) else { return nil }
        values.append(decoded.joined(separator: "/"))
        return last
    }

    /// The decoded segment; nil if it is not UTF-8 or means a folder, so that no handler can be led out of its own.
    private static func value(_ segment: Substring) -> String? {
        guard let value = percentDecode(segment), value != ".", value != ".." else { return nil }
        return value
    }
}
