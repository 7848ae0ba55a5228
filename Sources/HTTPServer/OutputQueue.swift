/// Bytes on their way to a peer. Small pieces share one buffer and so one write; large ones are not copied.
struct OutputQueue {
    /// From this size on a piece stays an array of its own.
    private static let largeBytes = 16_384
    /// A buffer larger than this is given back when it has been sent.
    private static let keptBytes = 65_536

    /// Small pieces that came last; sent after `segments`.
    private var buffer: [UInt8] = []
    private var segments: [[UInt8]] = []
    private var firstSegment = 0
    /// Bytes of the piece in front that have been sent.
    private var sent = 0
    /// Bytes that wait.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// Lets `body` append small pieces.
    mutating func append<R>(_ body: (inout [UInt8]) -> R) -> R {
        let before = buffer.count
        defer { count += buffer.count - before }
        return body(&buffer)
    }

    mutating func append(_ bytes: [UInt8]) {
        guard bytes.count >= Self.largeBytes else {
            buffer.append(contentsOf: bytes)
            count += bytes.count
            return
        }
        moveBuffer()
        segments.append(bytes)
        count += bytes.count
    }

    /// Sends the piece in front as far as the peer takes it. Not to be called when empty.
    ///
    /// The piece is passed on without another reference to it, so that its buffer can be used again in place.
    mutating func send(through transport: Transport) -> Transport.Outcome {
        let outcome: Transport.Outcome
        if firstSegment < segments.count {
            let hasMore = count > segments[firstSegment].count - sent
            outcome = transport.send(segments[firstSegment], from: sent, hasMore: hasMore)
        } else {
            outcome = transport.send(buffer, from: sent, hasMore: false)
        }
        if case .bytes(let bytes) = outcome { consume(bytes) }
        return outcome
    }

    private mutating func consume(_ bytes: Int) {
        count -= bytes
        sent += bytes
        if firstSegment < segments.count {
            guard sent == segments[firstSegment].count else { return }
            segments[firstSegment] = []
            firstSegment += 1
            sent = 0
            if firstSegment == segments.count {
                segments.removeAll()
                firstSegment = 0
            }
        } else if sent == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= Self.keptBytes)
            sent = 0
        }
    }

    private mutating func moveBuffer() {
        guard !buffer.isEmpty else { return }
        // Only the front piece has a sent part; it is the buffer's if there is no segment before it.
        segments.append(buffer)
        buffer = []
    }
}
