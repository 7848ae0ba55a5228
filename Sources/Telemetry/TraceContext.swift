/// The place of an operation in a trace, as W3C Trace Context carries it between services.
///
/// Text form: `00-<32 hex trace id>-<16 hex span id>-<2 hex flags>`. Source: https://www.w3.org/TR/trace-context/,
/// version 00.
package struct TraceContext: Sendable, Hashable {
    /// The context of the running task; every log line and every outgoing call carries it.
    @TaskLocal package static var current: TraceContext?

    private let high: UInt64
    private let low: UInt64
    private let span: UInt64
    private let flags: UInt8

    private init(high: UInt64, low: UInt64, span: UInt64, flags: UInt8) {
        self.high = high
        self.low = low
        self.span = span
        self.flags = flags
    }

    /// A new trace with its first span.
    package static func start() -> TraceContext {
        let trace = TraceNumbers.pair()
        return TraceContext(high: trace.high, low: trace.low, span: TraceNumbers.pair().high, flags: 1)
    }

    /// A new span of the same trace.
    package func child() -> TraceContext {
        TraceContext(high: high, low: low, span: TraceNumbers.pair().high, flags: flags)
    }

    /// Reads a `traceparent` header; nil if it is malformed or all zero. Versions above 00 are read by their first
    /// four fields, as the specification asks.
    package init?(traceparent: String) {
        let bytes = traceparent.utf8.span
        guard bytes.count >= 55, let version = Self.hex(bytes, 0..<2), version != 0xff,
            bytes.count == 55 || version != 0 && bytes[55] == Self.dash,
            bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
            let high = Self.hex(bytes, 3..<19), let low = Self.hex(bytes, 19..<35), high != 0 || low != 0,
            let span = Self.hex(bytes, 36..<52), span != 0, let flags = Self.hex(bytes, 53..<55)
        else { return nil }
        self.init(high: high, low: low, span: span, flags: UInt8(flags))
    }

    /// The `traceparent` header.
    package var traceparent: String {
        // In one piece: it is made for every webhook.
        unsafe String(unsafeUninitializedCapacity: 55) { text in
            var writer = unsafe HexWriter(text: text)
            writer.write(0, digits: 2)
            writer.dash()
            writer.write(high, digits: 16)
            writer.write(low, digits: 16)
            writer.dash()
            writer.write(span, digits: 16)
            writer.dash()
            writer.write(UInt64(flags), digits: 2)
            return 55
        }
    }
    /// 32 lower-case hex digits.
    package var traceID: String { Self.text(high, 16) + Self.text(low, 16) }
    /// 16 lower-case hex digits.
    package var spanID: String { Self.text(span, 16) }

    private static let dash = UInt8(ascii: "-")

    /// At most 16 digits; lower-case only, as the specification asks.
    private static func hex(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        for index in range {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    private static func text(_ value: UInt64, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: width - digits.count) + digits
    }
}

/// Writes lower-case hex digits into memory that is large enough for them.
@safe private struct HexWriter {
    private let text: UnsafeMutableBufferPointer<UInt8>
    private var at = 0

    init(text: UnsafeMutableBufferPointer<UInt8>) { unsafe self.text = unsafe text }

    mutating func dash() {
        unsafe text[at] = UInt8(ascii: "-")
        at += 1
    }

    mutating func write(_ value: UInt64, digits: Int) {
        for digit in 0..<digits {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(4 * (digits - 1 - digit))) & 15
            unsafe text[at] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
            at += 1
        }
    }
}
