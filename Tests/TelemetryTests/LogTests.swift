import Concurrency
import Foundation
import Telemetry
import Testing
import Time

/// Keeps lines in memory.
private final class Lines: LogSink {
    private let lines = Locked<[[UInt8]]>([])
    var texts: [String] { lines.withLock { $0 }.map { String(decoding: $0, as: UTF8.self) } }
    func write(_ line: [UInt8]) { lines.withLock { $0.append(line) } }
    func flush() {}
}

@Suite struct LogTests {
    private let lines = Lines()
    private var log: Log {
        Log(service: "billing", instance: "a1", sink: lines, clock: WallClock { Timestamp(seconds: 0) })
    }

    @Test func `a line is one JSON object with the message and the fields`() throws {
        log.with([.jobID: "j1"]).info("hold placed", [.count: 3, .seconds: 0.5, .reason: "a \"b\"\n\\c\u{1}"])
        #expect(
            lines.texts == [
                #"{"at":"1970-01-01T00:00:00Z","level":"info","service":"billing","instance":"a1","#
                    + #""message":"hold placed","job.id":"j1","count":3,"reason":"a \"b\"\n\\c\u0001","seconds":0.5}"#
                    + "\n"
            ]
        )
        let object = try JSONSerialization.jsonObject(with: Data(lines.texts[0].utf8)) as? [String: Any]
        #expect(object?["reason"] as? String == "a \"b\"\n\\c\u{1}")
    }

    @Test func `persons are hidden unless the log was made to show them`() {
        log.with([.userID: .personal(42)]).info("x", [.chatID: .personal(43)])
        let open = Log(service: "billing", showsPersonalData: true, sink: lines)
        open.with([.userID: .personal(42)]).info("x", [.chatID: .personal(43)])
        #expect(lines.texts[0].contains(#""user.id":"hidden","chat.id":"hidden""#))
        #expect(lines.texts[1].contains(#""user.id":"42","chat.id":"43""#))
    }

    @Test func `the trace of the task stands in every line`() {
        let trace = TraceContext.start()
        TraceContext.$current.withValue(trace) { log.info("x") }
        log.info("y")
        #expect(lines.texts[0].contains("\"trace\":\"\(trace.traceID)\""))
        #expect(!lines.texts[1].contains("trace"))
    }

    @Test func `lines below the level cost nothing and are not written`() {
        func fields() -> [LogKey: LogValue] {
            Issue.record("fields of a dropped line were made")
            return [:]
        }
        Log(service: "x", level: .warning, sink: lines).info("quiet", fields())
        #expect(lines.texts.isEmpty)
    }

    @Test func `numbers that JSON can't say become null`() {
        log.info("x", [.seconds: .double(.nan)])
        #expect(lines.texts[0].contains("\"seconds\":null"))
    }

    @Test func `a runaway text is cut`() {
        log.info("x", [.reason: .string(String(repeating: "ж", count: 100_000))])
        #expect(lines.texts[0].utf8.count < 10_000)
    }
}

@Suite struct LogWriterTests {
    /// A pipe whose reading end nobody reads until the test says so.
    private func makePipe() -> (read: FileHandle, write: FileHandle) {
        let pipe = Pipe()
        return (pipe.fileHandleForReading, pipe.fileHandleForWriting)
    }

    @Test func `lines arrive whole and in order`() throws {
        let (reading, writing) = makePipe()
        let writer = LogWriter(descriptor: writing.fileDescriptor, maximumBufferedBytes: 1 << 20)
        let expected = (0..<500).map { "line \($0)\n" }.joined()
        for number in 0..<500 { writer.write(Array("line \(number)\n".utf8)) }
        writer.flush()
        try writing.close()
        #expect(String(decoding: try reading.readToEnd() ?? Data(), as: UTF8.self) == expected)
        #expect(writer.droppedLines == 0)
    }

    @Test func `a reader that has stopped costs lines, not time`() throws {
        let (reading, writing) = makePipe()
        let writer = LogWriter(descriptor: writing.fileDescriptor, maximumBufferedBytes: 4_096)
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 1_023) + [UInt8(ascii: "\n")]
        let started = Deadline.monotonicNow()
        for _ in 0..<1_000 { writer.write(line) }
        #expect(Deadline.monotonicNow() - started < 1_000_000_000)
        #expect(writer.droppedLines > 900)

        // Everything that was not dropped still arrives.
        let arrived = Locked(0)
        let done = DispatchSemaphore(value: 0)
        DispatchQueue(label: "reader").async {
            let count = (try? reading.readToEnd())??.count ?? 0
            arrived.withLock { $0 = count }
            done.signal()
        }
        while !writer.isIdle { usleep(1_000) }
        try writing.close()
        done.wait()
        #expect(UInt64(arrived.withLock { $0 } / 1_024) + writer.droppedLines == 1_000)
    }

    @Test func `a reader that is gone ends nothing`() throws {
        signal(SIGPIPE, SIG_IGN)
        let (reading, writing) = makePipe()
        try reading.close()
        let writer = LogWriter(descriptor: writing.fileDescriptor, maximumBufferedBytes: 4_096)
        writer.write(Array("lost\n".utf8))
        writer.flush()
        #expect(writer.droppedLines == 1)
    }
}
