internal import Contracts
internal import HTTP
internal import Time

extension Operation {
    /// Reads and checks everything that came with a call.
    ///
    /// - Throws: `Problem`, `ParameterError` or `DecodingError`, all of which become 400.
    static func read(_ request: HTTPRequest, caller: ServiceName, deadline: Deadline) throws -> (Input, Call<Self>) {
        let key = try idempotencyKey(request)
        let parameters = try Parameters(from: values(request))
        let input = try decode(request.body)
        let call = Call<Self>(
            caller: caller,
            idempotencyKey: key,
            parameters: parameters,
            deadline: deadline,
            input: input
        )
        return (input, call)
    }

    static func response(for answer: Answer<Output>) throws -> HTTPResponse {
        var fields: HTTPFields = ["Content-Type": "application/json"]
        if answer.isReplayed { fields[WireField.replayed] = "true" }
        let body = try ContractJSON.encode(answer.output)
        return HTTPResponse(status: successStatus, fields: fields, body: .bytes(body))
    }

    /// 1 to 200 visible ASCII characters, since keys end up in unique indexes and logs.
    private static func idempotencyKey(_ request: HTTPRequest) throws(Problem) -> String {
        guard isMutating else { return "" }
        guard let key = request.fields[WireField.idempotencyKey], !key.isEmpty else {
            throw Problem(.idempotencyKeyMissing, "\(id) changes something and needs an Idempotency-Key")
        }
        guard key.utf8.count <= 200, key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Problem(.malformedRequest, "Idempotency-Key is not 1 to 200 visible ASCII characters")
        }
        return key
    }

    /// Path values win over query values of the same name.
    private static func values(_ request: HTTPRequest) -> ParameterValues {
        var values: [String: String] = [:]
        for (name, value) in request.query { values[name] = value }
        for (name, value) in request.parameters { values[name] = value }
        return ParameterValues(values)
    }

    /// A call without input may leave its body out.
    private static func decode(_ body: [UInt8]) throws -> Input {
        if body.isEmpty, let empty = Empty() as? Input { return empty }
        return try ContractJSON.decode(Input.self, from: body)
    }
}
