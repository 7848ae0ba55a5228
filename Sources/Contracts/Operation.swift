package import Time

/// One call of the internal HTTP API, as both sides see it: the server registers it, the client sends it.
///
/// A type that conforms is the Swift twin of one `operationId` in `contracts/<service>.openapi.yaml`; tests compare
/// the two. Names are the same everywhere: the operation `placeHold`, the type `PlaceHold`, the file `PlaceHold.swift`.
package protocol Operation: Sendable {
    /// What stands in the path template and the query string.
    associatedtype Parameters: OperationParameters = NoParameters
    /// The JSON body of the request; `Empty` where there is none.
    associatedtype Input: Codable & Sendable = Empty
    /// The JSON body of a successful answer.
    associatedtype Output: Codable & Sendable

    /// The service that answers.
    static var service: ServiceName { get }
    static var method: OperationMethod { get }
    /// The path template, e.g. `/v1/holds/{hold_id}/charge`. Also the `route` label of metrics.
    static var path: String { get }
    /// Who may call; others get 403 `caller_not_allowed`.
    static var callers: Set<ServiceName> { get }
    /// The HTTP status of a first successful answer; a replay answers 200 or the same status.
    static var successStatus: Int { get }
    /// The largest request body accepted, in bytes.
    static var maximumBodyBytes: Int { get }
    /// How long a caller waits unless it says otherwise.
    static var defaultTimeout: Duration { get }
    /// Problem codes that this operation documents beyond the ones any operation may answer.
    static var problems: Set<ProblemCode> { get }
}

extension Operation {
    package static var successStatus: Int { 200 }
    package static var maximumBodyBytes: Int { 1 << 20 }
    package static var defaultTimeout: Duration { .seconds(5) }
    package static var problems: Set<ProblemCode> { [] }

    /// `placeHold` for `PlaceHold`; the OpenAPI `operationId` and the `operation` label.
    package static var id: String {
        let name = String(describing: Self.self)
        return name.prefix(1).lowercased() + name.dropFirst()
    }

    /// Whether a call changes something and so must carry an `Idempotency-Key`.
    package static var isMutating: Bool { method != .get }
}

/// The HTTP methods that operations use.
package enum OperationMethod: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
}

/// A JSON object without members: `{}`.
package struct Empty: Codable, Sendable, Equatable {
    private enum NoKeys: CodingKey {}

    package init() {}

    /// Takes any object, so that members can be added; refuses everything else.
    package init(from decoder: any Decoder) throws {
        _ = try decoder.container(keyedBy: NoKeys.self)
    }
}

/// Path and query values of an operation, as text.
package protocol OperationParameters: Sendable {
    /// Reads the values; throws `ParameterError` for a missing or malformed one.
    init(from values: ParameterValues) throws(ParameterError)
    /// Every value by its name; names that stand in the path template go there, the rest into the query string.
    var values: [(name: String, value: String)] { get }
}

/// An operation without path or query values.
package struct NoParameters: OperationParameters, Equatable {
    package init() {}
    package init(from values: ParameterValues) throws(ParameterError) {}
    package var values: [(name: String, value: String)] { [] }
}

/// A path or query value that is missing or has the wrong form.
package struct ParameterError: Error, Sendable {
    /// The parameter's name.
    package var name: String
    /// What is wrong, in English, safe to show.
    package var reason: String

    package init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }
}

/// Percent-decoded path and query values by name.
package struct ParameterValues: Sendable {
    private let values: [String: String]

    package init(_ values: [String: String]) {
        self.values = values
    }

    /// The text of a parameter, nil if absent.
    package func text(_ name: String) -> String? { values[name] }

    /// A parameter that must be present and parse.
    package func required<Value: LosslessStringConvertible>(
        _ name: String,
        as type: Value.Type = Value.self
    ) throws(ParameterError) -> Value {
        guard let text = values[name] else { throw ParameterError(name: name, reason: "is missing") }
        guard let value = Value(text) else { throw ParameterError(name: name, reason: "is malformed") }
        return value
    }

    /// A parameter that may be absent but must parse when present.
    package func optional<Value: LosslessStringConvertible>(
        _ name: String,
        as type: Value.Type = Value.self
    ) throws(ParameterError) -> Value? {
        guard let text = values[name] else { return nil }
        guard let value = Value(text) else { throw ParameterError(name: name, reason: "is malformed") }
        return value
    }

    /// A moment in RFC 3339 that may be absent but must parse when present.
    package func time(_ name: String) throws(ParameterError) -> Timestamp? {
        guard let text = values[name] else { return nil }
        guard let time = Timestamp(rfc3339: text) else {
            throw ParameterError(name: name, reason: "is no time such as 2026-11-21T10:00:00Z")
        }
        return time
    }
}
