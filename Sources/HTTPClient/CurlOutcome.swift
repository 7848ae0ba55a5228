internal import CCurl

/// How libcurl's result codes read in our terms.
enum CurlOutcome {
    /// The error code for a transfer that ended with `code`; nil if it succeeded.
    ///
    /// Source: libcurl-errors(3) of libcurl 7.88.
    static func errorCode(_ code: CURLcode) -> HTTPClientError.Code? {
        switch code {
        case CURLE_OK: nil
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .cannotResolve
        case CURLE_COULDNT_CONNECT, CURLE_PROXY, CURLE_INTERFACE_FAILED: .cannotConnect
        case CURLE_OPERATION_TIMEDOUT: .deadlineExceeded
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_HTTP2,
            CURLE_HTTP2_STREAM, CURLE_SEND_FAIL_REWIND, CURLE_AGAIN:
            .connectionLost
        case CURLE_FILESIZE_EXCEEDED: .responseTooLarge
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_USE_SSL_FAILED, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT,
            CURLE_SSL_SHUTDOWN_FAILED:
            .tlsFailed
        case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_TOO_MANY_REDIRECTS: .malformedResponse
        // "Received HTTP/0.9 when not allowed" has this code too, but only once a request was written.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: .invalidRequest
        default: .other
        }
    }

    /// The error of a transfer that ended with `code` and that neither our callbacks nor the caller ended.
    static func error(_ code: CURLcode, mayHaveBeenSent: Bool, osError: Int) -> HTTPClientError? {
        guard var kind = errorCode(code) else { return nil }
        if kind == .invalidRequest && mayHaveBeenSent { kind = .malformedResponse }
        let text = unsafe String(cString: curl_easy_strerror(code))
        return HTTPClientError(
            kind,
            mayHaveBeenSent: mayHaveBeenSent,
            osError == 0 ? text : "\(text), errno \(osError)"
        )
    }
}
