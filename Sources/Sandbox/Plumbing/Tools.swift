internal import Concurrency
internal import Contracts
internal import Cryptography
internal import EventLoop
internal import HTTP
internal import HTTPClient
internal import Telemetry
internal import Time

/// What all stand-ins work with.
struct Tools: Sendable {
    let loop: EventLoop
    let http: HTTPClient
    let clock: WallClock
    let log: Log
    let journal: Journal
    let blobs: BlobStore
    let faults: FaultBook
    let calls: CallLog
    let feed: ChangeFeed
    let errands: Errands
    let settings: Locked<Settings>
    let configuration: SandboxConfiguration
    let resources: Resources

    /// Unix milliseconds.
    var milliseconds: Int64 { clock.now.microseconds / 1_000 }

    /// Unix seconds.
    var seconds: Int64 { clock.now.microseconds / 1_000_000 }

    var currentSettings: Settings { settings.withLock { $0 } }

    /// Waits; returns early without an error when the sandbox stops.
    ///
    /// - Returns: false if the sandbox stops.
    func pause(_ seconds: Double) async -> Bool {
        guard seconds > 0 else { return !Task.isCancelled }
        do {
            try await loop.sleep(for: .milliseconds(Int64(seconds * 1_000)))
            return true
        } catch {
            return false
        }
    }

    /// Sends a request on behalf of a provider and notes it in the call log.
    ///
    /// - Returns: nil if there was no answer.
    func send(_ call: ClientRequest, provider: String, operation: String, note: String = "") async -> ClientResponse? {
        var request = call
        request.peer = provider
        let start = Deadline.monotonicNow()
        let at = clock.now
        var answer: ClientResponse?
        var trouble = ""
        do { answer = try await http.send(request) } catch { trouble = "\(error.code)" }
        let took = Int64((Deadline.monotonicNow() - start) / 1_000_000)
        calls.append(
            CallLog.Entry(
                at: at,
                provider: provider,
                direction: "out",
                operation: operation,
                status: answer?.status ?? 0,
                milliseconds: took,
                note: [note, trouble].filter { !$0.isEmpty }.joined(separator: " ")
            )
        )
        return answer
    }

    /// Random lower-case hexadecimal digits.
    static func randomHex(_ count: Int) -> String {
        String(Hex.encode(secureRandom((count + 1) / 2)).prefix(count))
    }
}

extension HTTPResponse {
    /// A JSON answer.
    static func json(_ value: JSONValue, status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: status,
            fields: ["Content-Type": "application/json; charset=utf-8"],
            body: .bytes(JSONText.bytes(value))
        )
    }

    /// The page that a gateway in front of a provider shows when it cannot reach it.
    static func gatewayPage(_ status: Int, _ title: String) -> HTTPResponse {
        let page =
            "<html>\r\n<head><title>\(status) \(title)</title></head>\r\n<body><center><h1>\(status) \(title)</h1>"
        return HTTPResponse(
            status: status,
            fields: ["Content-Type": "text/html"],
            body: .bytes(Array((page + "</center></body>\r\n</html>\r\n").utf8))
        )
    }

    /// A file; understands a single `Range`, which players of video need.
    static func file(_ content: [UInt8], type: String, range: String?, fields: HTTPFields = [:]) -> HTTPResponse {
        var fields = fields
        fields["Content-Type"] = type
        fields["Accept-Ranges"] = "bytes"
        guard let range, range.hasPrefix("bytes="), !content.isEmpty else {
            return HTTPResponse(status: 200, fields: fields, body: .bytes(content))
        }
        let ends = range.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let part = span(ends, size: content.count) else {
            fields["Content-Range"] = "bytes */\(content.count)"
            return HTTPResponse(status: 416, fields: fields, body: .none)
        }
        fields["Content-Range"] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(content.count)"
        return HTTPResponse(status: 206, fields: fields, body: .bytes(Array(content[part])))
    }

    private static func span(_ ends: [Substring], size: Int) -> Range<Int>? {
        if ends[0].isEmpty {
            guard let last = Int(ends[1]), last > 0 else { return nil }
            return max(0, size - last)..<size
        }
        guard let first = Int(ends[0]), first >= 0, first < size else { return nil }
        let last = ends[1].isEmpty ? size - 1 : Int(ends[1]) ?? -1
        return last >= first ? first..<min(last + 1, size) : nil
    }
}

extension HTTPRequest {
    /// The address under which the caller reached this server, without a slash at the end.
    var origin: String { "http://" + (fields["Host"] ?? "127.0.0.1:8080") }

    /// The query string without its question mark.
    var queryText: String {
        target.firstIndex(of: "?").map { String(target[target.index(after: $0)...]) } ?? ""
    }

    /// Parameters from query and body.
    func readParameters() throws(ParameterError) -> Parameters {
        try Parameters(query: queryText, contentType: fields["Content-Type"] ?? "", body: body)
    }
}
