internal import CNGHTTP2
internal import HTTP

/// The header of one answer in the form that the library takes. Its memory is used again for the next one.
@safe struct HTTP2FieldBlock {
    private struct Ends {
        let name: Int
        let value: Int
    }

    /// Name, value, name, value … without anything between them.
    private var bytes: [UInt8] = []
    private var ends: [Ends] = []
    private var fields: [nghttp2_nv] = unsafe []

    /// Makes the header of a response; false if one of its fields would break the form.
    ///
    /// - Parameter date: A line `Date: …` with its end, as HTTP/1 writes it.
    mutating func fill(_ response: HTTPResponse, length: Int64?, date: [UInt8]) -> Bool {
        begin(status: response.status)
        for field in response.fields.lines where !Self.isServersOwn(field.name) {
            guard add(field.name, field.value) else { return false }
        }
        addDate(date[6..<(date.count - 2)])
        if let length, response.status != 204, response.status != 304 { addLength(length) }
        return true
    }

    /// Fields that say what the server does, or speak of a connection, which HTTP/2 forbids (RFC 9113, section 8.2.2).
    private static func isServersOwn(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: HTTPSyntax.equalsIgnoringCase(name, "date")
        case 7: HTTPSyntax.equalsIgnoringCase(name, "upgrade")
        case 10:
            HTTPSyntax.equalsIgnoringCase(name, "connection") || HTTPSyntax.equalsIgnoringCase(name, "keep-alive")
        case 14: HTTPSyntax.equalsIgnoringCase(name, "content-length")
        case 16: HTTPSyntax.equalsIgnoringCase(name, "proxy-connection")
        case 17: HTTPSyntax.equalsIgnoringCase(name, "transfer-encoding")
        default: false
        }
    }

    private mutating func begin(status: Int) {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: Self.statusName)
        let nameEnd = bytes.count
        let digit = UInt8(ascii: "0")
        bytes.append(digit + UInt8(status / 100 % 10))
        bytes.append(digit + UInt8(status / 10 % 10))
        bytes.append(digit + UInt8(status % 10))
        ends.append(Ends(name: nameEnd, value: bytes.count))
    }

    /// Adds a handler's field; false if it would break the header's form. The library makes the name lower case.
    private mutating func add(_ name: String, _ value: String) -> Bool {
        let start = bytes.count
        bytes.append(contentsOf: name.utf8)
        let nameEnd = bytes.count
        for index in start..<nameEnd where !HTTPSyntax.isTokenByte(bytes[index]) { return false }
        bytes.append(contentsOf: value.utf8)
        for index in nameEnd..<bytes.count where !HTTPSyntax.isFieldValueByte(bytes[index]) { return false }
        ends.append(Ends(name: nameEnd, value: bytes.count))
        return nameEnd > start
    }

    private mutating func addLength(_ length: Int64) {
        bytes.append(contentsOf: Self.lengthName)
        let nameEnd = bytes.count
        if length < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(length))
        } else {
            bytes.append(contentsOf: String(length).utf8)
        }
        ends.append(Ends(name: nameEnd, value: bytes.count))
    }

    private mutating func addDate(_ date: ArraySlice<UInt8>) {
        bytes.append(contentsOf: Self.dateName)
        let nameEnd = bytes.count
        bytes.append(contentsOf: date)
        ends.append(Ends(name: nameEnd, value: bytes.count))
    }

    /// Lets `body` use the fields, whose bytes live as long as the call.
    mutating func withFields(_ body: (UnsafePointer<nghttp2_nv>, Int) -> Void) {
        unsafe fields.removeAll(keepingCapacity: true)
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var start = 0
            for end in ends {
                let field = unsafe cnghttp2_field(
                    base + start,
                    end.name - start,
                    base + end.name,
                    end.value - end.name
                )
                unsafe fields.append(field)
                start = end.value
            }
            unsafe fields.withUnsafeBufferPointer { fields in
                if let first = fields.baseAddress { unsafe body(first, fields.count) }
            }
        }
    }

    private static let statusName = Array(":status".utf8)
    private static let lengthName = Array("content-length".utf8)
    private static let dateName = Array("date".utf8)
}
