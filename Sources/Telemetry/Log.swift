package import Time

/// Takes finished log lines.
///
/// `write` is called from any thread, possibly an event loop's, and must not block.
package protocol LogSink: Sendable {
    /// - Parameter line: One JSON object with a line feed at the end.
    func write(_ line: [UInt8])
    /// Waits until what was written before has left the process, at most a moment. For the end of a process only.
    func flush()
}

/// Writes one JSON object a line: what happened as a constant message, the data in fields.
///
/// `{"at":"2026-11-21T10:00:00.123Z","level":"info","service":"billing","instance":"a1","message":"hold placed",
/// "trace":"4bf9…","hold.id":"0193…"}`. The message is a `StaticString`, so that lines can be counted by it and no
/// secret or user text gets into it by interpolation. `trace` is the task's `TraceContext.current`.
package struct Log: Sendable {
    /// Lines below this level are dropped before anything is formatted.
    package let level: LogLevel
    private let showsPersonalData: Bool
    private let sink: any LogSink
    private let clock: WallClock
    /// Rendered `"service":…,"instance":…` and the fields of `with`, without a leading comma.
    private let service: [UInt8]
    private var context: [UInt8]

    /// - Parameters:
    ///   - service: The executable's name.
    ///   - instance: Tells the processes of one service apart.
    ///   - showsPersonalData: Whether `.personal` values are written out.
    ///   - sink: Standard error unless given.
    package init(
        service: String,
        instance: String = "",
        level: LogLevel = .info,
        showsPersonalData: Bool = false,
        sink: any LogSink = LogWriter.standardError,
        clock: WallClock = .system
    ) {
        var line = JSONLine()
        line.member("service", .string(service))
        if !instance.isEmpty { line.member("instance", .string(instance)) }
        self.level = level
        self.showsPersonalData = showsPersonalData
        self.sink = sink
        self.clock = clock
        self.service = line.bytes
        self.context = []
    }

    /// A log whose lines carry these fields too.
    package func with(_ fields: [LogKey: LogValue]) -> Log {
        var line = JSONLine(bytes: context, showsPersonalData: showsPersonalData)
        line.members(fields)
        var log = self
        log.context = line.bytes
        return log
    }

    /// Detail of a single request or item.
    package func debug(_ message: StaticString, _ fields: @autoclosure () -> [LogKey: LogValue] = [:]) {
        if level <= .debug { write(.debug, message, fields()) }
    }

    /// Something an operator may want to know.
    package func info(_ message: StaticString, _ fields: @autoclosure () -> [LogKey: LogValue] = [:]) {
        if level <= .info { write(.info, message, fields()) }
    }

    /// Something went wrong and was dealt with.
    package func warning(_ message: StaticString, _ fields: @autoclosure () -> [LogKey: LogValue] = [:]) {
        if level <= .warning { write(.warning, message, fields()) }
    }

    /// Something went wrong and somebody must act.
    package func error(_ message: StaticString, _ fields: @autoclosure () -> [LogKey: LogValue] = [:]) {
        write(.error, message, fields())
    }

    /// Lets written lines reach the outside; for the end of a process.
    package func flush() {
        sink.flush()
    }

    private func write(_ level: LogLevel, _ message: StaticString, _ fields: [LogKey: LogValue]) {
        var line = JSONLine(bytes: [UInt8(ascii: "{")], showsPersonalData: showsPersonalData)
        line.member("at", .string(clock.now.description))
        line.member("level", .string(level.rawValue))
        line.rendered(service)
        line.member("message", .string(message.description))
        if let trace = TraceContext.current { line.member("trace", .string(trace.traceID)) }
        line.rendered(context)
        line.members(fields)
        line.bytes += [UInt8(ascii: "}"), UInt8(ascii: "\n")]
        sink.write(line.bytes)
    }
}

/// The members of a JSON object while it is being written.
struct JSONLine {
    var bytes: [UInt8]

    private let showsPersonalData: Bool

    init(bytes: [UInt8] = [], showsPersonalData: Bool = false) {
        self.bytes = bytes
        self.showsPersonalData = showsPersonalData
    }

    /// Fields in order of their names, so that equal events give equal lines.
    mutating func members(_ fields: [LogKey: LogValue]) {
        for (key, value) in fields.sorted(by: { $0.key.rawValue < $1.key.rawValue }) { member(key.rawValue, value) }
    }

    mutating func member(_ name: String, _ value: LogValue) {
        separate()
        string(name)
        bytes.append(UInt8(ascii: ":"))
        switch value {
        case .string(let text): string(text)
        case .int(let number): bytes += String(number).utf8
        case .double(let number): bytes += (number.isFinite ? String(number) : "null").utf8
        case .bool(let flag): bytes += (flag ? "true" : "false").utf8
        case .personal(let text): string(showsPersonalData ? text : "hidden")
        }
    }

    mutating func rendered(_ members: [UInt8]) {
        guard !members.isEmpty else { return }
        separate()
        bytes += members
    }

    private mutating func separate() {
        if let last = bytes.last, last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
    }

    /// A JSON string of at most 4 KiB: one runaway text must not push other lines out of the writer's buffer.
    private mutating func string(_ text: String) {
        let maximumBytes = 4_096
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars.prefix(maximumBytes) {
            switch scalar {
            case "\"": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\"")]
            case "\\": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
            case "\n": bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case _ where scalar.value < 0x20 || scalar.value == 0x7f: bytes += Self.escaped(scalar.value)
            default: bytes += UTF8.encode(scalar).map(Array.init) ?? []
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func escaped(_ value: UInt32) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return Array("\\u00".utf8) + [digits[Int(value >> 4)], digits[Int(value & 15)]]
    }
}
