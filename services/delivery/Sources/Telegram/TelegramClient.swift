package import Configuration
internal import Contracts
internal import HTTP
package import HTTPClient
internal import Telemetry
internal import Time

/// Calls the Bot API. The only place that knows the token, which stands in every URL and so never in a log or error.
package struct TelegramClient: Sendable {
    private let http: HTTPClient
    private let baseURL: String
    private let token: Secret
    private let metrics: DeliveryMetrics

    /// - Parameter baseURL: Without a slash at the end.
    package init(http: HTTPClient, baseURL: String, token: Secret, metrics: DeliveryMetrics) {
        self.http = http
        self.baseURL = baseURL
        self.token = token
        self.metrics = metrics
    }

    /// Makes one call, once.
    ///
    /// - Parameters:
    ///   - timeout: For the whole call, its upload included.
    ///   - isGuarded: Whether the call waits behind the circuit breaker. Answers to queries don't: they are worthless
    ///     later.
    package func call(_ call: TelegramCall, timeout: Duration, isGuarded: Bool = true) async -> TelegramAnswer {
        let started = Deadline.monotonicNow()
        let answer = await exchange(call, timeout: timeout, isGuarded: isGuarded)
        metrics.calls.increment(call.method, answer.label)
        metrics.callSeconds.observe(Double(Deadline.monotonicNow() - started) * 1e-9, call.method)
        return answer
    }

    /// Fetches the file behind a `file_path` of `getFile`.
    package func download(
        filePath: String,
        to path: String,
        maximumBytes: Int64,
        timeout: Duration
    ) async throws(HTTPClientError) -> DownloadedFile {
        let encoded = filePath.split(separator: "/", omittingEmptySubsequences: false)
            .map { percentEncode(String($0)) }.joined(separator: "/")
        let request = ClientRequest(
            url: "\(baseURL)/file/bot\(token.text)/\(encoded)",
            timeout: timeout,
            peer: "telegram_files"
        )
        return try await http.download(request, to: path, maximumBytes: maximumBytes)
    }

    private func exchange(_ call: TelegramCall, timeout: Duration, isGuarded: Bool) async -> TelegramAnswer {
        do throws(HTTPClientError) {
            let response = try await http.send(request(call, timeout: timeout, isGuarded: isGuarded))
            return TelegramAnswer(status: response.status, body: response.body)
        } catch {
            return error.mayHaveBeenSent ? .uncertain(error.code.rawValue) : .notSent(error.code.rawValue)
        }
    }

    private func request(_ call: TelegramCall, timeout: Duration, isGuarded: Bool) -> ClientRequest {
        var request = ClientRequest(
            method: .post,
            url: "\(baseURL)/bot\(token.text)/\(call.method)",
            timeout: timeout,
            peer: "telegram",
            circuit: isGuarded ? "telegram" : nil
        )
        if call.uploads.isEmpty {
            request.fields["Content-Type"] = "application/json"
            // Parameters hold no non-finite number, the only thing that can't be encoded.
            request.body = .bytes((try? ContractJSON.encode(JSONValue.object(call.parameters))) ?? [])
        } else {
            request.body = .multipart(Self.parts(of: call))
        }
        return request
    }

    /// In a form, structured values are JSON texts.
    private static func parts(of call: TelegramCall) -> [MultipartPart] {
        let fields = call.parameters.sorted { $0.key < $1.key }.map { name, value -> MultipartPart in
            if let text = value.string { return MultipartPart(name: name, text: text) }
            return MultipartPart(name: name, content: .bytes((try? ContractJSON.encode(value)) ?? []))
        }
        return fields
            + call.uploads.map {
                MultipartPart(
                    name: $0.name,
                    filename: $0.fileName,
                    contentType: $0.mimeType,
                    content: .file(path: $0.path)
                )
            }
    }
}
