internal import HTTP
internal import Time

/// One registered handler with the middleware around it.
final class Route: Sendable {
    /// The template; empty for the fallback.
    let template: String
    let maximumBodyBytes: Int
    let keptBodyBytes: Int
    let timeoutNanoseconds: UInt64
    /// Whether the handler begins before the body is complete.
    let isStreamed: Bool
    let handler: Router.Handler
    /// The same without a task, if the route has it.
    let deferred: Router.DeferredHandler?
    /// Where arrays that run parallel to the table keep what belongs to this route.
    let number: Int

    init(
        template: String,
        maximumBodyBytes: Int,
        keptBodyBytes: Int = .max,
        timeout: Duration,
        number: Int,
        isStreamed: Bool = false,
        handler: @escaping Router.Handler,
        deferred: Router.DeferredHandler? = nil
    ) {
        self.isStreamed = isStreamed
        self.deferred = deferred
        self.template = template
        self.maximumBodyBytes = maximumBodyBytes
        self.keptBodyBytes = keptBodyBytes
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
final class RouteTable: Sendable {
    private let root: RouteNode
    let routes: [Route]
    private let fallback: @Sendable (HTTPRequest, [HTTPMethod]) async throws -> HTTPResponse
    private let middleware: [Router.Middleware]
    private let gates: [Router.Gate]

    /// Time that the fallback has; it does nothing that takes long.
    static let fallbackTimeout = Duration.seconds(5)

    init(_ router: Router) {
        fallback = router.fallback
        middleware = router.middleware
        gates = router.gates
        var plan = RoutePlan()
        var routes: [Route] = []
        for registration in router.registrations {
            let route = Route(
                template: registration.template,
                maximumBodyBytes: registration.maximumBodyBytes,
                keptBodyBytes: registration.keptBodyBytes,
                timeout: registration.timeout,
                number: routes.count,
                isStreamed: registration.isStreamed,
                handler: Self.wrap(
                    registration.handler,
                    in: registration.deferred == nil ? middleware : [],
                    behind: gates
                ),
                deferred: registration.deferred.map { [gates] in Self.wrap($0, behind: gates) }
            )
            routes.append(route)
            let segments = registration.template.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            plan.insert(segments[...], registration.method, route, names: [])
        }
        self.routes = routes
        root = RouteNode(plan)
    }

    /// The route for a request; the fallback if there is none.
    func match(method: HTTPMethod, target: String) -> RouteMatch {
        var target = target
        return target.withUTF8 { buffer in
            let bytes = unsafe Span(_unsafeElements: buffer)
            guard !bytes.isEmpty, bytes[0] == UInt8(ascii: "/") else { return fallbackMatch([]) }  // OPTIONS *
            var end = 1
            while end < bytes.count, bytes[end] != UInt8(ascii: "?") { end += 1 }
            let path = bytes.extracting(1..<end)
            var search = RouteSearch()
            if let found = search.find(method, path, at: 0, in: root) { return found }
            if method == .head, let found = search.find(.get, path, at: 0, in: root) { return found }
            return fallbackMatch(search.allowed)
        }
    }

    private func fallbackMatch(_ found: [HTTPMethod]) -> RouteMatch {
        var allowed = found
        if found.contains(.get), !found.contains(.head) { allowed.append(.head) }
        allowed.sort { $0.rawValue < $1.rawValue }
        let answer: Router.Handler = { [fallback, allowed] in try await fallback($0, allowed) }
        let handler = Self.wrap(answer, in: middleware, behind: gates)
        let route = Route(
            template: "",
            maximumBodyBytes: 0,
            timeout: Self.fallbackTimeout,
            number: routes.count,
            handler: handler
        )
        return RouteMatch(route: route, isFallback: true)
    }

    private static func wrap(
        _ handler: @escaping Router.Handler,
        in middleware: [Router.Middleware],
        behind gates: [Router.Gate]
    ) -> Router.Handler {
        let inner = middleware.reversed().reduce(handler) { next, layer in { try await layer($0, next) } }
        guard !gates.isEmpty else { return inner }
        return { request in
            if let answer = answer(of: gates, to: request) { return answer }
            return try await inner(request)
        }
    }

    private static func wrap(
        _ handler: @escaping Router.DeferredHandler,
        behind gates: [Router.Gate]
    ) -> Router.DeferredHandler {
        guard !gates.isEmpty else { return handler }
        return { request, reply in
            if let answer = answer(of: gates, to: request) { return reply.send(answer) }
            handler(request, reply)
        }
    }

    private static func answer(of gates: [Router.Gate], to request: HTTPRequest) -> HTTPResponse? {
        for gate in gates { if let answer = gate(request) { return answer } }
        return nil
    }
}

/// Where a path may end: the handler of one method.
struct RouteEnd: Sendable {
    let method: HTTPMethod
    let route: Route
    /// Parameter names in the order of their segments; they belong to the route, as two templates may name one segment
    /// differently.
    let names: [String]
}

/// The tree while it is being built.
private struct RoutePlan {
    var ends: [RouteEnd] = []
    var literals: [(segment: String, plan: RoutePlan)] = []
    /// At most one of each; arrays because a struct cannot contain itself.
    var parameter: [RoutePlan] = []
    var rest: [RoutePlan] = []

    mutating func insert(_ segments: ArraySlice<Substring>, _ method: HTTPMethod, _ route: Route, names: [String]) {
        guard let segment = segments.first else {
            precondition(!ends.contains { $0.method == method }, "two handlers for \(method) \(route.template)")
            return ends.append(RouteEnd(method: method, route: route, names: names))
        }
        let others = segments.dropFirst()
        guard segment.hasPrefix("{"), segment.hasSuffix("}") else {
            let index = literals.firstIndex { $0.segment == segment } ?? literals.count
            if index == literals.count { literals.append((String(segment), RoutePlan())) }
            return literals[index].plan.insert(others, method, route, names: names)
        }
        let name = String(segment.dropFirst().dropLast())
        if name.hasSuffix("...") {
            precondition(others.isEmpty, "{name...} comes last: \(route.template)")
            if rest.isEmpty { rest = [RoutePlan()] }
            rest[0].insert([], method, route, names: names + [String(name.dropLast(3))])
        } else {
            if parameter.isEmpty { parameter = [RoutePlan()] }
            parameter[0].insert(others, method, route, names: names + [name])
        }
    }
}

/// One segment of the tree. Arrays instead of dictionaries: there are few of each, and comparing beats hashing.
final class RouteNode: Sendable {
    struct Literal: Sendable {
        let segment: [UInt8]
        let node: RouteNode
    }
    let ends: [RouteEnd]
    let literals: [Literal]
    let parameter: RouteNode?
    let rest: RouteNode?

    fileprivate init(_ plan: RoutePlan) {
        ends = plan.ends
        literals = plan.literals.map { Literal(segment: Array($0.segment.utf8), node: RouteNode($0.plan)) }
        parameter = plan.parameter.first.map { RouteNode($0) }
        rest = plan.rest.first.map { RouteNode($0) }
    }
}

/// The walk through the tree for one path: depth first, literals before parameters before the rest. The path is given
/// without the slash in front, as bytes and not decoded.
private struct RouteSearch {
    private var values: [String] = []
    /// Methods of the ends that fit the path but not the method.
    private(set) var allowed: [HTTPMethod] = []

    /// - Parameter start: Where a segment begins; beyond the path's end once it is used up.
    mutating func find(_ method: HTTPMethod, _ path: Span<UInt8>, at start: Int, in node: RouteNode) -> RouteMatch? {
        guard start <= path.count else { return finish(method, node) }
        var end = start
        while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
        for literal in node.literals where Self.isEqual(path, start..<end, literal.segment) {
            if let found = find(method, path, at: end + 1, in: literal.node) { return found }
        }
        let depth = values.count
        if let next = node.parameter, end > start, let value = Self.value(path, start..<end) {
            values.append(value)
            if let found = find(method, path, at: end + 1, in: next) { return found }
            values.removeSubrange(depth...)
        }
        if let last = node.rest, let value = Self.rest(path, from: start) {
            values.append(value)
            if let found = finish(method, last) { return found }
            values.removeSubrange(depth...)
        }
        return nil
    }

    private mutating func finish(_ method: HTTPMethod, _ node: RouteNode) -> RouteMatch? {
        for end in node.ends where end.method == method {
            if values.isEmpty { return RouteMatch(route: end.route) }
            return RouteMatch(route: end.route, parameters: PathParameters(names: end.names, values: values))
        }
        for end in node.ends where !allowed.contains(end.method) { allowed.append(end.method) }
        return nil
    }

    private static func isEqual(_ path: Span<UInt8>, _ range: Range<Int>, _ segment: [UInt8]) -> Bool {
        guard range.count == segment.count else { return false }
        for offset in segment.indices where path[range.lowerBound + offset] != segment[offset] { return false }
        return true
    }

    /// The decoded segment; nil if it is not UTF-8 or means a folder, so that no handler can be led out of its own.
    private static func value(_ path: Span<UInt8>, _ range: Range<Int>) -> String? {
        let text = path.text(range)
        var isEncoded = false
        for index in range where path[index] == UInt8(ascii: "%") { isEncoded = true }
        guard let value = isEncoded ? percentDecode(text) : text, value != ".", value != ".." else { return nil }
        return value
    }

    private static func rest(_ path: Span<UInt8>, from start: Int) -> String? {
        var decoded: [String] = []
        var start = start
        for index in start...path.count where index == path.count || path[index] == UInt8(ascii: "/") {
            guard let value = value(path, start..<index) else { return nil }
            decoded.append(value)
            start = index + 1
        }
        return decoded.joined(separator: "/")
    }
}
