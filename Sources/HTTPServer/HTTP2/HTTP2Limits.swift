/// How much one HTTP/2 connection may ask for, beside the limits that both protocols share.
///
/// What ends a connection is counted in `atelier_http_connections_closed_total` by the reason named here, what ends a
/// stream in `atelier_http_refused_total` or `atelier_http2_streams_reset_total`.
package struct HTTP2Limits: Sendable {
    /// Streams open at a time, and handlers of ended streams that are still at work; one more is refused unprocessed
    /// (`refused_stream`), so that its client may try again.
    package var maximumStreams = 128
    /// Bytes of one request body that may be on their way.
    package var streamWindowBytes = 262_144
    /// The same for all request bodies of a connection together.
    package var connectionWindowBytes = 1_048_576
    /// Request bodies of one connection that are kept in memory. Beyond it the connection's window stays shut until
    /// answers are out, and if only unfinished bodies fill it the newest is answered 503 (`body_memory`). At least one
    /// body of the largest size that a route takes always fits.
    package var bodyBytes = 8_388_608
    /// Bytes of all streamed answers of a connection that may wait for the peer's windows before their writers have to.
    package var outputBytes = 1_048_576
    /// Streams that a peer may cancel, or make us reset by its errors, in a burst; then `resetsPerSecond`. One more ends
    /// the connection (`http2_resets`).
    package var resetBurst = 200
    package var resetsPerSecond = 20
    /// SETTINGS, PING and PRIORITY frames, empty DATA frames, headers of streams that are over and more WINDOW_UPDATEs than our DATA frames call
    /// for, in a burst; then `controlFramesPerSecond`. One more ends the connection (`http2_control_frames`).
    package var controlFrameBurst = 1_000
    package var controlFramesPerSecond = 100
    /// CONTINUATION frames of one header; one more ends the connection (`http2_header_block`), as does a header that
    /// grows to eight times `HTTPServerConfiguration.headerBytes` when decompressed.
    package var continuations = 8
    /// Acknowledgements that wait to be sent; one more ends the connection (`http2_control_frames`).
    package var queuedAcknowledgements = 128

    package init() {}
}
