internal import HTTP

/// Writes response headers.
enum HTTP1Serializer {
    /// How the body's length is told.
    enum Framing: Equatable {
        /// 204 and 304: nothing is said.
        case none
        case length(Int64)
        case chunked
        /// For HTTP/1.0: the body ends with the connection.
        case untilClose
    }

    /// What the handler's fields do not decide.
    struct Context {
        let framing: Framing
        let closes: Bool
        /// HTTP/1.0 clients must be told that the connection stays.
        let saysKeepAlive: Bool
        /// The `Date` field's line with its end.
        let dateLine: [UInt8]
    }

    /// Appends status line and header; false, with nothing appended, if a field would break the header's form.
    static func append(_ response: HTTPResponse, _ context: Context, to bytes: inout [UInt8]) -> Bool {
        let start = bytes.count
        if response.status == 200 {
            bytes.append(contentsOf: okLine)
        } else {
            bytes.append(
                contentsOf: "HTTP/1.1 \(response.status) \(HTTPResponse.reasonPhrase(response.status))\r\n".utf8
            )
        }
        for index in 0..<response.fields.count {
            let isWritable = response.fields.withLine(at: index) { name, value in
                isServersOwn(name) || append(name, value, to: &bytes)
            }
            guard isWritable else {
                bytes.removeSubrange(start...)
                return false
            }
        }
        bytes.append(contentsOf: context.dateLine)
        switch context.framing {
        case .length(let length):
            bytes.append(contentsOf: lengthName)
            appendDecimal(length, to: &bytes)
            bytes.append(contentsOf: lineEnd)
        case .chunked: bytes.append(contentsOf: chunkedLine)
        case .none, .untilClose: break
        }
        if context.closes {
            bytes.append(contentsOf: closeLine)
        } else if context.saysKeepAlive {
            bytes.append(contentsOf: keepAliveLine)
        }
        bytes.append(contentsOf: lineEnd)
        return true
    }

    private static let okLine = Array("HTTP/1.1 200 OK\r\n".utf8)
    private static let lengthName = Array("Content-Length: ".utf8)
    private static let chunkedLine = Array("Transfer-Encoding: chunked\r\n".utf8)
    private static let closeLine = Array("Connection: close\r\n".utf8)
    private static let keepAliveLine = Array("Connection: keep-alive\r\n".utf8)
    private static let lineEnd = Array("\r\n".utf8)
    /// The interim answer to `Expect: 100-continue`.
    static let continueLine = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    /// Ends a chunked body.
    static let lastChunk = Array("0\r\n\r\n".utf8)

    /// Fields that must say what the server does, not what a handler thinks.
    private static func isServersOwn(_ name: Span<UInt8>) -> Bool {
        let all = 0..<name.count
        return switch name.count {
        case 4: name.matches("date", all)
        case 10: name.matches("connection", all)
        case 14: name.matches("content-length", all)
        case 17: name.matches("transfer-encoding", all)
        default: false
        }
    }

    /// False for a name that is no token or a value with a line end in it: a handler that copied foreign text into a
    /// field must not let a stranger write the rest of the header.
    private static func append(_ name: Span<UInt8>, _ value: Span<UInt8>, to bytes: inout [UInt8]) -> Bool {
        guard !name.isEmpty, name.endOfToken(0) == name.count, value.endOfFieldValue(0) == value.count else {
            return false
        }
        unsafe name.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: ":"))
        bytes.append(UInt8(ascii: " "))
        unsafe value.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: lineEnd)
        return true
    }

    private static func appendDecimal(_ number: Int64, to bytes: inout [UInt8]) {
        if number < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(number))
        } else {
            bytes.append(contentsOf: String(number).utf8)
        }
    }

    /// Appends the size line of a chunk.
    static func appendChunkSize(_ size: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: String(size, radix: 16).utf8)
        bytes.append(contentsOf: lineEnd)
    }

    /// The `Date` line for a moment (RFC 9110, section 5.6.7).
    static func dateLine(secondsSinceEpoch seconds: Int64) -> [UInt8] {
        let days = Int64((Double(seconds) / 86_400).rounded(.down))
        let inDay = seconds - days * 86_400
        // Civil date of a day number, years beginning in March so that the leap day comes last.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int(days % 7)]
        let months = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"]
        let time = [inDay / 3_600, inDay / 60 % 60, inDay % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
        let text = "\(weekday), \(day < 10 ? "0" : "")\(day) \(months[Int(month)]) \(year) "
        return Array("Date: \(text)\(time.joined(separator: ":")) GMT\r\n".utf8)
    }
}
