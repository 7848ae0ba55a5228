/// Why a request was not let through to a handler. After any of these the connection is closed, because where the next
/// request would begin is not certain.
package enum HTTPRefusal: String, Error, Sendable, CaseIterable {
    // The form of the message (RFC 9112).
    case bareCarriageReturn = "bare_cr"
    case bareLineFeed = "bare_lf"
    case requestLine = "request_line"
    case method
    case target
    case version
    case fieldName = "field_name"
    case spaceBeforeColon = "space_before_colon"
    case foldedLine = "folded_line"
    case controlByte = "control_byte"
    case host
    case contentLength = "content_length"
    case lengthAndCoding = "length_and_coding"
    case chunkedNotLast = "chunked_not_last"
    case unknownCoding = "unknown_coding"
    case chunk
    case expectation
    // Limits.
    case targetTooLong = "target_too_long"
    case headerTooLarge = "header_too_large"
    case bodyTooLarge = "body_too_large"
    case headerDeadline = "header_deadline"
    case bodyDeadline = "body_deadline"
    /// Unfinished bodies of one HTTP/2 connection have used up its memory.
    case bodyMemory = "body_memory"

    /// The status it is answered with.
    package var status: Int {
        switch self {
        case .version: 505
        case .method, .unknownCoding: 501
        case .expectation: 417
        case .targetTooLong: 414
        case .headerTooLarge: 431
        case .bodyTooLarge: 413
        case .headerDeadline, .bodyDeadline: 408
        case .bodyMemory: 503
        default: 400
        }
    }
}
