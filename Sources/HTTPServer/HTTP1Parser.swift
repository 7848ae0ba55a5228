internal import HTTP

/// Finds requests in bytes that arrive in pieces of any size: HTTP/1.1 as RFC 9112 has it, without the lenience that
/// lets two parties disagree about where a request ends.
///
/// Pure: bytes in, events out, no I/O and no clock. The caller keeps the bytes and a position; each call takes what it can
/// from the position on and moves it. After `needMore` the bytes that are left must be given again with more behind them.
/// The result does not depend on where the bytes were split.
package struct HTTP1Parser: Sendable {
    /// What was found.
    package enum Event: Sendable {
        /// Nothing complete; come back with more bytes.
        case needMore
        /// A header has ended. Call `acceptBody` next.
        case head(HTTP1Head)
        /// These positions hold the next bytes of the body.
        case body(Range<Int>)
        /// The request is complete; the next byte begins another one.
        case end
        /// Nothing after this can be trusted; further calls say the same.
        case refused(HTTPRefusal)
    }

    /// The limits of one listener.
    package struct Limits: Sendable {
        package var headerBytes: Int
        package var headerCount: Int
        package var targetBytes: Int
        package var chunkExtensionBytes: Int

        package init(_ configuration: HTTPServerConfiguration) {
            headerBytes = configuration.headerBytes
            headerCount = configuration.headerCount
            targetBytes = configuration.targetBytes
            chunkExtensionBytes = configuration.chunkExtensionBytes
        }

        /// Method, two spaces, version and line end beside the target.
        var requestLineBytes: Int { targetBytes + 32 + 12 }
    }

    enum Phase {
        case head(HeadScan)
        case decision(HTTP1Head.Framing)
        case fixed(left: Int)
        case chunkSize
        case chunkData(left: Int)
        case chunkEnd
        case trailer(bytes: Int, count: Int)
        case ended
        case failed(HTTPRefusal)
    }

    /// How far the search for the header's end has come, relative to its beginning.
    struct HeadScan {
        var scanned = 0
        var lineStart = 0
        var lines = 0
        /// One empty line before a request is forgiven (RFC 9112, section 2.2).
        var skippedEmptyLine = false
    }

    let limits: Limits
    var phase = Phase.head(HeadScan())
    var bodyLeft = 0
    var extensionLeft = 0

    package init(_ limits: Limits) {
        self.limits = limits
    }

    /// Whether the last request is complete and no byte of another one was seen.
    package var isBetweenRequests: Bool {
        if case .head(let scan) = phase { return scan.scanned == 0 }
        return false
    }

    /// Says how large a body may be, after `head`.
    ///
    /// - Returns: A refusal if its announced length is larger already.
    package mutating func acceptBody(maximumBytes: Int) -> HTTPRefusal? {
        guard case .decision(let framing) = phase else { return nil }
        switch framing {
        case .none:
            phase = .ended
        case .length(let length):
            guard length <= maximumBytes else {
                phase = .failed(.bodyTooLarge)
                return .bodyTooLarge
            }
            phase = length == 0 ? .ended : .fixed(left: length)
        case .chunked:
            bodyLeft = maximumBytes
            extensionLeft = limits.chunkExtensionBytes
            phase = .chunkSize
        }
        return nil
    }

    /// Takes the next event out of `bytes`, from `position` on.
    package mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) -> Event {
        do throws(HTTPRefusal) {
            switch phase {
            case .head(let scan): return try nextHead(bytes, &position, scan)
            case .decision: preconditionFailure("acceptBody comes after head")
            case .fixed(let left):
                guard let range = take(left, bytes, &position) else { return .needMore }
                phase = range.count == left ? .ended : .fixed(left: left - range.count)
                return .body(range)
            case .chunkSize, .chunkData, .chunkEnd, .trailer:
                return try nextChunked(bytes, &position)
            case .ended:
                phase = .head(HeadScan())
                return .end
            case .failed(let refusal): return .refused(refusal)
            }
        } catch {
            phase = .failed(error)
            return .refused(error)
        }
    }

    /// At most `limit` bytes that are there; nil if there are none.
    func take(_ limit: Int, _ bytes: Span<UInt8>, _ position: inout Int) -> Range<Int>? {
        guard position < bytes.count else { return nil }
        let range = position..<min(bytes.count, position + limit)
        position = range.upperBound
        return range
    }

    /// Searches the empty line that ends a header. Bytes beyond a limit are never looked at, so that the answer does not
    /// depend on how many have arrived.
    private mutating func nextHead(
        _ bytes: Span<UInt8>,
        _ position: inout Int,
        _ begin: HeadScan
    ) throws(HTTPRefusal) -> Event {
        var scan = begin
        var index = position + scan.scanned
        while true {
            let limit =
                position + (scan.lines == 0 ? min(limits.requestLineBytes, limits.headerBytes) : limits.headerBytes)
            let stop = min(bytes.count, limit)
            index = bytes.endOfLine(index, before: stop)
            guard index < stop else {
                if stop == limit { throw scan.lines == 0 ? .targetTooLong : .headerTooLarge }
                break
            }
            guard bytes[index] == 13 else { throw .bareLineFeed }
            guard index + 1 < bytes.count else { break }
            guard bytes[index + 1] == 10 else { throw .bareCarriageReturn }
            let isEmpty = index == position + scan.lineStart
            index += 2
            if isEmpty, scan.lines > 0 {
                let head = try parseHead(bytes, position, end: index)
                position = index
                phase = .decision(head.framing)
                return .head(head)
            }
            if isEmpty {
                guard !scan.skippedEmptyLine else { throw .requestLine }
                position = index
                scan = HeadScan(skippedEmptyLine: true)
                continue
            }
            scan.lines += 1
            scan.lineStart = index - position
            if scan.lines > limits.headerCount + 1 { throw .headerTooLarge }
        }
        scan.scanned = index - position
        phase = .head(scan)
        return .needMore
    }
}
