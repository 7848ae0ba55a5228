internal import HTTP

/// The way of one exchange's answer to its peer: an HTTP/1.1 connection, or one stream of HTTP/2. Loop thread only.
///
/// The exchange knows what is said and when; the channel knows how it is framed.
protocol AnswerChannel: AnyObject {
    /// Whether a streamed body may go on now; `Exchange.outputMoved` is called when that changes.
    var hasRoom: Bool { get }
    /// Writes status and header; false, with nothing written, if a field would break the header's form.
    ///
    /// - Parameters:
    ///   - length: Of the body, which may be left out afterwards (HEAD); nil if it is not known.
    ///   - hasBody: Whether `append` and `end` follow; if not, the answer is complete.
    func begin(_ response: HTTPResponse, length: Int64?, hasBody: Bool) -> Bool
    /// The next bytes of the body; not empty.
    func append(_ bytes: [UInt8])
    /// The body is complete.
    func end()
    /// A streamed body begins: its route's time no longer counts, the peer's does.
    func beginStreaming()
    /// Sends what has been written so far.
    func flush()
    /// The answer took too long: nothing that came with its request may be trusted to be at rest.
    func distrust()
    /// The header is out but the body can't be completed: lets the peer know by an early end.
    func breakOff()
    /// The answer is written and counted.
    func finished(now: UInt64)
    /// The handler has come to its end, perhaps long after its answer was given up.
    func handlerEnded()
}
