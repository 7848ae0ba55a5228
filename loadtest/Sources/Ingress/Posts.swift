internal import EventLoop
internal import Glibc
internal import LoadtestKit
internal import LocalSystem
internal import Time

/// Posts over a fixed number of connections from one thread, at a small cost beside what it measures. Loop thread only.
final class Posts<Wire: PostWire>: @unchecked Sendable {
    // @unchecked: everything happens on the loop's thread.

    private final class Line {
        let descriptor: Int32
        var wire: Wire
        var watch: Watch?
        var output: [UInt8] = []
        var isListed = true

        init(descriptor: Int32, wire: Wire) {
            (self.descriptor, self.wire) = (descriptor, wire)
        }
    }

    private let loop: EventLoop
    private var lines: [Line] = []
    /// Lines that may have room, the one that has rested longest first: the server cuts who says nothing for long.
    private var free: [Int] = []
    private var waiting: [(body: [UInt8], due: UInt64)] = []
    private var nextWaiting = 0
    private(set) var underWay = 0
    private(set) var result = PostResult()
    private(set) var failure: WireError?
    /// Called for each answer, when its place is free again.
    var onAnswer: (() -> Void)?

    init(port: Int, secret: String, connections: Int, loop: EventLoop) throws {
        self.loop = loop
        for index in 0..<connections {
            let line = Line(descriptor: try Self.connect(port), wire: Wire(port: port, secret: secret))
            line.output = Wire.greeting
            lines.append(line)
            line.watch = try loop.watch(line.descriptor, .readable) { [unowned self, unowned line] readiness in
                if readiness.contains(.readable) { receive(line, index) }
                if readiness.contains(.writable) { flush(line) }
            }
            free.append(index)
            flush(line)
        }
    }

    /// Sends a body as soon as a connection has room; its latency counts from `due` on.
    func post(_ body: [UInt8], due: UInt64) {
        underWay += 1
        waiting.append((body, due))
        send()
    }

    func close() {
        for line in lines {
            line.watch?.cancel()
            Glibc.close(line.descriptor)
        }
        lines = []
    }

    private func send() {
        while nextWaiting < waiting.count, let index = free.first {
            let line = lines[index]
            guard line.wire.hasRoom else {
                line.isListed = false
                free.removeFirst()
                continue
            }
            let (body, due) = waiting[nextWaiting]
            nextWaiting += 1
            line.output += line.wire.post(body, due: due)
            flush(line)
        }
        if nextWaiting == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            nextWaiting = 0
        }
    }

    private func flush(_ line: Line) {
        guard !line.output.isEmpty else { return }
        let count = unsafe Glibc.send(line.descriptor, line.output, line.output.count, Int32(MSG_NOSIGNAL))
        if count > 0 { line.output.removeFirst(count) }
        line.watch?.update(line.output.isEmpty ? .readable : [.readable, .writable])
    }

    private func receive(_ line: Line, _ index: Int) {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = unsafe recv(line.descriptor, &buffer, buffer.count, 0)
        do {
            guard count > 0 else { throw WireError(reason: "the server has closed a connection") }
            let (answers, reply) = try line.wire.receive(buffer[..<count])
            let now = Deadline.monotonicNow()
            for answer in answers {
                underWay -= 1
                result.latencies.record(.nanoseconds(Int64(now - answer.due)))
                if answer.isOK { result.acknowledged += 1 } else { result.refused += 1 }
            }
            line.output += reply
            flush(line)
            if !line.isListed, line.wire.hasRoom {
                line.isListed = true
                free.append(index)
            }
            for _ in answers { onAnswer?() }
            send()
        } catch {
            failure = failure ?? error as? WireError
            line.watch?.cancel()
            line.watch = nil
        }
    }

    private static func connect(_ port: Int) throws -> Int32 {
        let descriptor = try HostSystem.connect(port: port)
        var one: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        return descriptor
    }
}

/// What became of posts.
struct PostResult: Sendable {
    var latencies = LatencyRecorder()
    /// Answered 200.
    var acknowledged = 0
    var refused = 0
}
