internal import HTTP

/// The header of one request as its fields come in, and the request that they make (RFC 9113, section 8.3).
///
/// Pure. The library has checked what belongs to HTTP/2: names are tokens in lower case, values have no control bytes,
/// order and number of pseudo fields, no fields that speak of a connection. What both protocols share is checked here, by the rules of `HTTP1Parser`.
struct HTTP2Head: Sendable {
    private(set) var method = HTTPMethod.get
    private(set) var target = "/"
    private(set) var fields = HTTPFields()
    /// The announced length of the body.
    private(set) var length: Int?
    private(set) var expectsContinue = false
    /// The first thing that was wrong.
    private(set) var refusal: HTTPRefusal?
    /// Bytes of names and values, each field with the 32 that RFC 9113 counts for it (section 6.5.2).
    private(set) var bytes = 0
    private var host: String?
    private let limits: HTTP1Parser.Limits

    init(_ limits: HTTP1Parser.Limits) {
        self.limits = limits
        // As much as requests of programs have: what grows is copied.
        fields.reserveCapacity(8, bytes: 256)
    }

    /// Takes the next field.
    mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        bytes += name.count + value.count + 32
        guard refusal == nil else { return }
        guard bytes <= limits.headerBytes, fields.count <= limits.headerCount else {
            refusal = .headerTooLarge
            fields = HTTPFields()
            return
        }
        do throws(HTTPRefusal) {
            if name.count > 0, name[0] == UInt8(ascii: ":") {
                try addPseudo(name, value)
            } else {
                try addField(name, value)
            }
        } catch {
            refusal = error
        }
    }

    private mutating func addPseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(HTTPRefusal) {
        let all = 0..<name.count
        if name.holds(":method", all) {
            try setMethod(value)
        } else if name.holds(":path", all) {
            try setTarget(value)
        } else if name.holds(":authority", all) {
            try setHost(value)
        }
    }

    private mutating func setMethod(_ value: Span<UInt8>) throws(HTTPRefusal) {
        let all = 0..<value.count
        if value.holds("POST", all) {
            method = .post
        } else if !value.holds("GET", all) {
            guard let other = HTTPMethod(rawValue: value.text(all)), other != .connect else { throw .method }
            method = other
        }
    }

    /// `/path?query`, or `*` for OPTIONS; the library has checked the first byte.
    private mutating func setTarget(_ value: Span<UInt8>) throws(HTTPRefusal) {
        guard value.count <= limits.targetBytes else { throw .targetTooLong }
        var index = 0
        while index < value.count {
            guard HTTPSyntax.isTargetByte(value[index]) else { throw .target }
            if value[index] == UInt8(ascii: "%") {
                guard index + 2 < value.count, let high = HTTPSyntax.hexValue(value[index + 1]),
                    let low = HTTPSyntax.hexValue(value[index + 2]), high | low != 0
                else { throw .target }
            }
            index += 1
        }
        target = value.text(0..<value.count)
    }

    /// A proxy could route by one and the application by the other, so `:authority` and `host` have to agree.
    private mutating func setHost(_ value: Span<UInt8>) throws(HTTPRefusal) {
        let text = value.text(0..<value.count)
        if let host {
            guard HTTPSyntax.equalsIgnoringCase(host, text) else { throw .host }
            return
        }
        guard HostSyntax.isValid(value, 0..<value.count) else { throw .host }
        host = text
        fields.add("Host", text)
    }

    private mutating func addField(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(HTTPRefusal) {
        let all = 0..<name.count
        switch name.count {
        case 4 where name.holds("host", all): return try setHost(value)
        case 6 where name.holds("expect", all):
            guard HTTPSyntax.equalsIgnoringCase(value.text(0..<value.count), "100-continue") else { throw .expectation }
            expectsContinue = true
        case 6 where name.holds("cookie", all):
            if joinCookie(value.text(0..<value.count)) { return }
        case 14 where name.holds("content-length", all):
            guard length == nil, let number = Self.length(value) else { throw .contentLength }
            length = number
        default: break
        }
        fields.add(name, value)
    }

    /// Digits only, at most 18 of them, which cannot overflow.
    private static func length(_ bytes: Span<UInt8>) -> Int? {
        guard (1...18).contains(bytes.count) else { return nil }
        var length = 0
        for index in 0..<bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            length = length * 10 + Int(digit)
        }
        return length
    }

    /// A client may send its cookies as a field each; applications know one (RFC 9113, section 8.2.3).
    private mutating func joinCookie(_ text: String) -> Bool {
        guard let known = fields["cookie"] else { return false }
        fields["cookie"] = "\(known); \(text)"
        return true
    }

    /// The last check, when all fields are there.
    mutating func finish() {
        if target == "*", method != .options, refusal == nil { refusal = .target }
    }
}
