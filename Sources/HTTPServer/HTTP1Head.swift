package import HTTP

/// A request's line and header, checked.
package struct HTTP1Head: Sendable {
    package var method: HTTPMethod
    /// Path and query; `*` for `OPTIONS *`. An absolute target has been reduced to these.
    package var target: String
    package var fields: HTTPFields
    /// 0 or 1.
    package var minorVersion: Int
    package var framing: Framing
    /// Whether the client wants another request on this connection.
    package var keepsAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    package var expectsContinue: Bool

    /// How the body's end is found (RFC 9112, section 6.3).
    package enum Framing: Sendable, Hashable {
        case none
        case length(Int)
        case chunked
    }
}
