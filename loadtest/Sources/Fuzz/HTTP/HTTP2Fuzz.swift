import Concurrency
import EventLoop
import Glibc
import HTTP
import Telemetry

@testable import HTTPServer

/// The HTTP/2 input behind its preface: no bytes trap the session, and cutting them anywhere changes none of the requests
/// that reach handlers.
///
/// How far a broken conversation gets may differ: an answer can close a stream between two pieces, and a late frame on a
/// closed stream is ignored where one on a half-closed stream ends the connection (RFC 9113 5.1). So one play's requests
/// must begin with the other's.
enum HTTP2Fuzz {
    /// The first byte says after how many bytes the others are cut. On the loop's thread, see `onLoop`.
    static func check(_ input: [UInt8]) {
        guard let seed = input.first else { return }
        let bytes = HTTP2Preface.bytes + input.dropFirst()
        let step = Int(seed) + 1
        // Budgets refill with time: what differs for that reason is equal when it is played again.
        for attempt in 1... {
            let whole = play(bytes, step: bytes.count)
            let split = play(bytes, step: step)
            if split.agrees(with: whole) { return }
            precondition(attempt < 4, "\(split) instead of \(whole), cut every \(step) bytes")
        }
    }

    /// Runs `body`, which does not come back, on the loop's thread: sessions live there, and a change of threads for each
    /// input would cost more than playing it.
    static func onLoop(_ body: @escaping @Sendable () -> Never) -> Never {
        loop.execute { body() }
        while true { pause() }
    }

    private struct Outcome {
        var requests: [String]

        func agrees(with other: Outcome) -> Bool {
            requests.starts(with: other.requests) || other.requests.starts(with: requests)
        }
    }

    private static let loop = EventLoop(name: "fuzz")
    private static let requests = Locked<[String]>([])

    private static let server: ServerCore = {
        var router = Router()
        router.fallback = { request, _ in
            requests.withLock { $0.append("\(request.method) \(request.target) \(request.fields.count)") }
            return HTTPResponse(status: 200)
        }
        router.on(.post, "/{path...}", maximumBodyBytes: 100) { request in
            requests.withLock { $0.append("\(request.method) \(request.target) \(request.body)") }
            return HTTPResponse(status: 200, body: .bytes(request.body))
        }
        return ServerCore(
            HTTPServerConfiguration(),
            router: router,
            loop: loop,
            metrics: Metrics(service: "fuzz"),
            log: Log(service: "fuzz", sink: Nowhere())
        )
    }()

    private static func play(_ bytes: [UInt8], step: Int) -> Outcome {
        requests.withLock { $0 = [] }
        let connection = Connection(
            number: 0,
            transport: .plain(descriptor: Sink.descriptor),
            address: "127.0.0.1",
            addressKey: "127.0.0.1",
            server: server
        )
        guard let session = HTTP2Session(connection: connection) else { return Outcome(requests: []) }
        unsafe connection.speak(session, UnsafeRawBufferPointer(start: nil, count: 0))
        unsafe bytes.withUnsafeBytes { buffer in
            var start = 0
            while start < buffer.count, connection.isOpen {
                let end = min(buffer.count, start + step)
                unsafe session.receive(UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
                start = end
            }
        }
        connection.close(nil)
        return Outcome(requests: requests.withLock { $0 })
    }
}

private struct Nowhere: LogSink {
    func write(_ line: [UInt8]) {}
    func flush() {}
}
