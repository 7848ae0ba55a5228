internal import CCurl
internal import HTTP

/// One request on its way through libcurl.
///
/// Unchecked: created by the caller's task, then touched by the event loop's thread only.
@safe
final class CurlTransfer: @unchecked Sendable {
    let request: ClientRequest
    /// Whether the connection may go through the configured proxy.
    let usesProxy: Bool
    let metrics: HTTPClientMetrics
    private let destination: ResponseSink.Destination
    private(set) var sink: ResponseSink
    private(set) var head: ResponseHead
    private var streamed: StreamedBody?
    private var headers: UnsafeMutablePointer<curl_slist>?

    /// While libcurl works on the transfer.
    var handle: EasyHandle?
    /// Set once, by whoever asks for an early end before or while libcurl works on the transfer.
    var isCancelled = false
    /// Called exactly once, on the loop.
    var onEnd: ((Result<RawAnswer, HTTPClientError>) -> Void)?

    private var attempts = 0
    private var addressRefused = false
    private var repeatRefused = false
    private var headerTooLong = false
    private var fileFailed = false

    /// What a transfer that got a whole answer hands back.
    struct RawAnswer: Sendable {
        let response: ClientResponse
        let fileBytes: Int64
        let sha256: String?
        /// Where the answer redirects to, as an absolute URL.
        let redirect: String?
    }

    init(
        _ request: ClientRequest,
        to destination: ResponseSink.Destination,
        usesProxy: Bool,
        maximumHeaderBytes: Int,
        metrics: HTTPClientMetrics
    ) {
        self.metrics = metrics
        self.request = request
        self.destination = destination
        self.usesProxy = usesProxy && request.usesProxy && request.addresses == .any
        self.sink = ResponseSink(destination)
        self.head = ResponseHead(maximumBytes: maximumHeaderBytes)
    }

    deinit {
        unsafe curl_slist_free_all(headers)
    }

    /// Whether bytes of the request may have left this machine.
    var mayHaveBeenSent: Bool { attempts > 0 }

    // MARK: - Preparation

    /// Opens what the body needs; before the handle is configured.
    func open() throws(HTTPClientError) {
        switch request.body {
        case .multipart(let parts): streamed = try StreamedBody(parts, boundary: "atelier" + Self.boundary())
        case .file(let path): streamed = try StreamedBody(file: path)
        case .none, .bytes: break
        }
        try makeHeaders()
    }

    /// The header list and body source for the handle.
    func configureBody(_ easy: UnsafeMutableRawPointer, _ context: UnsafeMutableRawPointer) {
        unsafe check(ccurl_set_headers(easy, headers))
        switch request.body {
        case .none where request.method == .get:
            unsafe check(ccurl_set_long(easy, CURLOPT_HTTPGET, 1))
        case .none where request.method == .head:
            unsafe check(ccurl_set_long(easy, CURLOPT_NOBODY, 1))
        case .none where request.method == .delete || request.method == .options:
            unsafe check(ccurl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue))
        case .none:
            unsafe configurePost(easy)
            unsafe check(ccurl_set_body(easy, nil, 0))
        case .bytes(let bytes):
            unsafe configurePost(easy)
            unsafe bytes.withUnsafeBytes { unsafe check(ccurl_set_body(easy, $0.baseAddress, $0.count)) }
        case .multipart, .file:
            unsafe configurePost(easy)
            unsafe check(ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, streamed?.count ?? 0))
            unsafe check(ccurl_set_read(easy, Self.onRead, context))
        }
    }

    private func configurePost(_ easy: UnsafeMutableRawPointer) {
        unsafe check(ccurl_set_long(easy, CURLOPT_POST, 1))
        if request.method != .post {
            unsafe check(ccurl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue))
        }
    }

    private func makeHeaders() throws(HTTPClientError) {
        var lines: [String] = []
        for field in request.fields {
            guard Self.isClean(field.name), Self.isClean(field.value) else {
                throw HTTPClientError(.invalidRequest, mayHaveBeenSent: false, "a header field contains a line break")
            }
            // libcurl reads "Name:" as "leave it out" and "Name;" as "send it empty".
            lines.append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        if let contentType = streamed?.contentType {
            lines.append("Content-Type: \(contentType)")
        } else if request.fields["Content-Type"] == nil {
            lines.append("Content-Type:")
        }
        // Without this libcurl waits up to a second for "100 Continue" before it sends a large body.
        lines.append("Expect:")
        for line in lines {
            guard let longer = unsafe curl_slist_append(headers, line) else { fatalError("out of memory") }
            unsafe headers = longer
        }
    }

    private static func isClean(_ text: String) -> Bool {
        !text.utf8.contains { $0 == 13 || $0 == 10 || $0 == 0 }
    }

    private static func boundary() -> String {
        // 2 × 64 random bits: no part contains them by accident, and nobody can guess them to break out of a part.
        String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    private func check(_ code: CURLcode) {
        precondition(code == CURLE_OK, "libcurl refused an option with code \(code.rawValue)")
    }

    // MARK: - libcurl's callbacks

    private static func transfer(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
        unsafe context.map { unsafe Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
    }

    static let onRead: ccurl_data_callback = { data, size, count, context in
        guard let transfer = unsafe transfer(context), let body = transfer.streamed else { return 0 }
        let room = unsafe UnsafeMutableRawBufferPointer(start: data, count: size * count)
        if let read = unsafe body.read(into: room) { return read }
        transfer.fileFailed = true
        return Int(CURL_READFUNC_ABORT)
    }

    static let onHeader: ccurl_data_callback = { data, size, count, context in
        guard let transfer = unsafe transfer(context) else { return 0 }
        if unsafe transfer.head.take(UnsafeRawBufferPointer(start: data, count: size * count)) { return size * count }
        transfer.headerTooLong = true
        return 0
    }

    static let onBody: ccurl_data_callback = { data, size, count, context in
        guard let transfer = unsafe transfer(context) else { return 0 }
        let bytes = unsafe UnsafeRawBufferPointer(start: data, count: size * count)
        return unsafe transfer.sink.take(bytes, status: transfer.head.status) ? bytes.count : 0
    }

    /// Asked by the multi before it opens a socket to `address`.
    func allows(_ address: UnsafePointer<sockaddr>) -> Bool {
        if request.addresses == .any { return true }
        if unsafe IPAddress(address)?.isPublic == true { return true }
        addressRefused = true
        return false
    }

    /// Called when a connection is there and the request is about to be written.
    ///
    /// libcurl repeats a request by itself if a reused connection turns out dead before any answer. That is right for
    /// GET and HEAD; for everything else the peer may have acted already, so the repeat is refused.
    static let beforeRequest: ccurl_before_request_callback = { context, remote, _, _, _ in
        guard let transfer = unsafe transfer(context) else { return CURL_PREREQFUNC_ABORT }
        if transfer.request.addresses == .publicOnly {
            let address = unsafe remote.flatMap { unsafe IPAddress(String(cString: $0)) }
            guard address?.isPublic == true else {
                transfer.addressRefused = true
                return CURL_PREREQFUNC_ABORT
            }
        }
        let isSafe = transfer.request.method == .get || transfer.request.method == .head
        if transfer.attempts > 0 && !isSafe {
            transfer.repeatRefused = true
            return CURL_PREREQFUNC_ABORT
        }
        transfer.startAttempt()
        return CURL_PREREQFUNC_OK
    }

    private func startAttempt() {
        if attempts > 0 {
            sink = ResponseSink(destination)
        }
        attempts += 1
    }

    // MARK: - The end

    /// Reads the outcome from the handle, which libcurl has let go of.
    func outcome(_ code: CURLcode, _ easy: UnsafeMutableRawPointer) -> Result<RawAnswer, HTTPClientError> {
        if let error = unsafe failure(code, osError: ccurl_get_long(easy, CURLINFO_OS_ERRNO)) { return .failure(error) }
        guard sink.finish(status: head.status) else {
            return .failure(error(sink.refusal ?? .fileFailed, "cannot write the file"))
        }
        let redirect = unsafe ccurl_get_string(easy, CURLINFO_REDIRECT_URL).map { unsafe String(cString: $0) }
        let response = ClientResponse(status: head.status, fields: head.fields, body: sink.body)
        return .success(
            RawAnswer(response: response, fileBytes: sink.fileBytes, sha256: sink.sha256, redirect: redirect)
        )
    }

    private func failure(_ code: CURLcode, osError: Int) -> HTTPClientError? {
        if code == CURLE_OK {
            return head.status >= 200 ? nil : error(.malformedResponse, "no status line")
        }
        if isCancelled { return error(.cancelled) }
        if addressRefused && !mayHaveBeenSent { return error(.addressRefused, "the address is not public") }
        if repeatRefused { return error(.connectionLost, "a reused connection ended before the answer") }
        if headerTooLong { return error(.malformedResponse, "the header is too long") }
        if fileFailed { return error(.fileFailed, "a file could not be read") }
        if let refusal = sink.refusal { return error(refusal) }
        return CurlOutcome.error(code, mayHaveBeenSent: mayHaveBeenSent, osError: osError)
    }

    /// An error of this transfer, whatever libcurl says.
    func error(_ code: HTTPClientError.Code, _ detail: String = "") -> HTTPClientError {
        HTTPClientError(code, mayHaveBeenSent: mayHaveBeenSent, detail)
    }
}
