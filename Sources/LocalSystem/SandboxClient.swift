package import Contracts
internal import HTTP
package import HTTPClient

/// The sandbox's control API: what people do in the chat, and what the stand-ins received.
package struct SandboxClient: Sendable {
    package let http: HTTPClient
    package let baseURL: String

    package init(http: HTTPClient, baseURL: String) {
        self.http = http
        self.baseURL = baseURL
    }

    package func get(_ path: String) async throws -> JSONValue {
        try await send(.get, path, nil)
    }

    @discardableResult
    package func post(_ path: String, _ body: JSONValue) async throws -> JSONValue {
        try await send(.post, path, body)
    }

    /// Orders a fault of a stand-in for its next `count` occasions.
    package func order(fault kind: String, count: Int64 = 1) async throws {
        try await post("/sandbox/faults", ["kind": .string(kind), "count": .integer(count)])
    }

    /// Every task that KIE was asked for, oldest first.
    package func tasks() async throws -> [JSONValue] {
        try await get("/sandbox/kie/tasks?limit=10000")["tasks"]?.array ?? []
    }

    package func payments() async throws -> [JSONValue] {
        try await get("/sandbox/yookassa/payments")["payments"]?.array ?? []
    }

    private func send(_ method: HTTPMethod, _ path: String, _ body: JSONValue?) async throws -> JSONValue {
        let bytes = try body.map { try ContractJSON.encode($0) }
        let response = try await http.send(
            ClientRequest(
                method: method,
                url: baseURL + path,
                fields: ["Content-Type": "application/json"],
                body: bytes.map { .bytes($0) } ?? .none,
                timeout: .seconds(30),
                maximumResponseBytes: 64 << 20
            )
        )
        let answer = try ContractJSON.decode(JSONValue.self, from: response.body)
        guard response.status == 200 else {
            throw OperatorError(
                "The sandbox refused \(path): \(answer["error"]?.string ?? "status \(response.status)").",
                ""
            )
        }
        return answer
    }
}
