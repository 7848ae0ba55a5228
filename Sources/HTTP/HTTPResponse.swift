/// What a handler answers.
///
/// The server adds `Date`, `Content-Length` or `Transfer-Encoding`, and `Connection`; the first three are left out if the
/// handler sets them.
package struct HTTPResponse: Sendable {
    /// 200...599.
    package var status: Int
    package var fields: HTTPFields
    package var body: HTTPBody

    package init(status: Int, fields: HTTPFields = [:], body: HTTPBody = .none) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// Plain text in UTF-8.
    package static func text(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: status,
            fields: ["Content-Type": "text/plain; charset=utf-8"],
            body: .bytes(Array(text.utf8))
        )
    }

    /// JSON that is encoded already.
    package static func json(_ status: Int, _ bytes: [UInt8]) -> HTTPResponse {
        HTTPResponse(status: status, fields: ["Content-Type": "application/json"], body: .bytes(bytes))
    }

    /// The phrase of a status line; empty for statuses that RFC 9110 does not name.
    package static func reasonPhrase(_ status: Int) -> String {
        reasonPhrases[status] ?? ""
    }

    private static let reasonPhrases: [Int: String] = [
        100: "Continue", 101: "Switching Protocols",
        200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
        301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
        308: "Permanent Redirect",
        400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
        411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long",
        415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed",
        422: "Unprocessable Content", 425: "Too Early", 429: "Too Many Requests",
        431: "Request Header Fields Too Large",
        500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
        504: "Gateway Timeout", 505: "HTTP Version Not Supported", 507: "Insufficient Storage",
    ]
}

/// The content of a response.
package enum HTTPBody: Sendable {
    case none
    case bytes([UInt8])
    /// A part of a file, read in pieces as the peer takes them, never on an event loop.
    case file(path: String, offset: Int64, length: Int64)
    /// Bytes that come into being while they are sent. With a length exactly that many must be written, else the
    /// connection is closed early, so that the peer notices; without one the transfer is chunked. The closure's task is
    /// cancelled when the peer goes away.
    case stream(length: Int64?, @Sendable (BodyWriter) async throws -> Void)

    /// How many bytes there are; nil if that is not known before.
    package var length: Int64? {
        switch self {
        case .none: 0
        case .bytes(let bytes): Int64(bytes.count)
        case .file(_, _, let length): length
        case .stream(let length, _): length
        }
    }
}

/// Where a streamed body goes.
package struct BodyWriter: Sendable {
    private let send: @Sendable ([UInt8]) async throws -> Void

    package init(_ send: @escaping @Sendable ([UInt8]) async throws -> Void) {
        self.send = send
    }

    /// Writes a piece, and waits while the peer is slower than the writer.
    ///
    /// - Throws: When the peer has gone or did not read in time, or the task is cancelled; nothing more can be written then.
    package func write(_ bytes: [UInt8]) async throws {
        try await send(bytes)
    }
}
