package import HTTP

/// One outgoing HTTP request.
package struct ClientRequest: Sendable {
    package var method: HTTPMethod
    /// An absolute `http` or `https` URL; sent as it is, without normalising dots in the path.
    package var url: String
    /// Header fields; `Host`, `Content-Length` and `User-Agent` are added unless given.
    package var fields: HTTPFields
    package var body: ClientBody
    /// How long the call may take in all: waiting for a connection, connecting, sending, redirects and the whole answer.
    package var timeout: Duration
    /// How long resolving and connecting may take; never more than `timeout`.
    package var connectTimeout: Duration
    /// The largest answer body in bytes; a longer one ends the call with `.responseTooLarge`.
    package var maximumResponseBytes: Int
    /// Which addresses the URL's host may turn out to have.
    package var addresses: AddressPolicy
    /// How many redirects of a GET or HEAD are followed; 0 hands the 3xx answer to the caller.
    package var followRedirects: Int
    /// Who is called, as a label of metrics: a word from a small closed set, e.g. `telegram`.
    package var peer: String
    /// The circuit breaker that guards the call; nil for none.
    package var circuit: Circuit?
    /// Whether the client may send the request again by itself.
    package var retry = RetryRule.never
    /// Whether the call goes through the configured proxy, if there is one. False for our own services.
    package var usesProxy = true

    /// - Parameters:
    ///   - url: An absolute `http` or `https` URL.
    ///   - timeout: For the whole call.
    ///   - peer: A word from a small closed set; never a host name that comes from outside.
    package init(
        method: HTTPMethod = .get,
        url: String,
        fields: HTTPFields = [:],
        body: ClientBody = .none,
        timeout: Duration = .seconds(10),
        connectTimeout: Duration = .seconds(5),
        maximumResponseBytes: Int = 8 << 20,
        addresses: AddressPolicy = .any,
        followRedirects: Int = 0,
        peer: String = "other",
        circuit: Circuit? = nil
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.maximumResponseBytes = maximumResponseBytes
        self.addresses = addresses
        self.followRedirects = followRedirects
        self.peer = peer
        self.circuit = circuit
    }
}

/// What a request carries.
package enum ClientBody: Sendable {
    case none
    case bytes([UInt8])
    /// A file that is read while it is sent and must not change meanwhile.
    case file(path: String)
    /// `multipart/form-data` (RFC 7578); the `Content-Type` with its boundary is set by the client.
    case multipart([MultipartPart])
}

/// One part of a `multipart/form-data` body.
package struct MultipartPart: Sendable {
    /// The form field's name.
    package var name: String
    /// The file name told to the server; nil for an ordinary field.
    package var filename: String?
    package var contentType: String?
    package var content: Content

    /// Where a part's bytes come from.
    package enum Content: Sendable {
        case bytes([UInt8])
        /// A file that is read while it is sent and must not change meanwhile.
        case file(path: String)
    }

    package init(name: String, filename: String? = nil, contentType: String? = nil, content: Content) {
        self.name = name
        self.filename = filename
        self.contentType = contentType
        self.content = content
    }

    /// An ordinary form field.
    package init(name: String, text: String) {
        self.init(name: name, content: .bytes([UInt8](text.utf8)))
    }
}

/// Which addresses a request may connect to.
package enum AddressPolicy: Sendable, Hashable {
    /// Any: for our own services and configured providers.
    case any
    /// Only addresses that the public internet routes: for URLs that come from outside. Checked on the resolved address
    /// of every connection, so neither a DNS name nor a redirect leads into the private network. Never uses the proxy.
    case publicOnly
}
