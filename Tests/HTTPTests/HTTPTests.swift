import HTTP
import Testing

@Suite struct HTTPFieldsTests {
    @Test func `names compare without case and keep their order and spelling`() {
        var fields: HTTPFields = ["Content-Type": "text/plain", "x-one": "1"]
        fields.add("X-ONE", "2")
        #expect(fields["content-TYPE"] == "text/plain")
        #expect(fields["X-One"] == "1")
        #expect(fields.values("x-one") == ["1", "2"])
        #expect(fields.map(\.name) == ["Content-Type", "x-one", "X-ONE"])
        #expect(fields["missing"] == nil)
    }

    @Test func `setting replaces every line of a name by one in the first one's place`() {
        var fields: HTTPFields = ["a": "1", "b": "2", "A": "3", "c": "4", "a": "5"]
        fields["A"] = "9"
        #expect(fields.map { "\($0.name)=\($0.value)" } == ["a=9", "b=2", "c=4"])
        fields["b"] = nil
        #expect(fields.map(\.name) == ["a", "c"])
        fields["d"] = "new"
        #expect(fields.count == 3)
    }

    @Test func `characters beyond ASCII keep their case`() {
        #expect(!HTTPSyntax.equalsIgnoringCase("é", "É"))
        #expect(!HTTPSyntax.equalsIgnoringCase("a@", "a`"))
        #expect(HTTPSyntax.equalsIgnoringCase("aZ[", "Az["))
    }
}

@Suite struct PercentCodingTests {
    @Test(arguments: ["", "plain-._~", "two words", "путь/к?файлу=1&2", "100%", "\u{0}\u{7f}😀"])
    func `decoding undoes encoding`(text: String) {
        let encoded = percentEncode(text)
        #expect(percentDecode(encoded) == text)
        #expect(encoded.utf8.allSatisfy { HTTPSyntax.isTargetByte($0) && $0 != UInt8(ascii: "/") })
    }

    @Test(arguments: ["%", "%1", "%g0", "abc%", "%+1", "%ff", "%c3%28", "%ed%a0%80"])
    func `broken triplets and broken UTF-8 are refused`(text: String) {
        #expect(percentDecode(text) == nil)
    }

    @Test func `a plus is a space only in forms`() {
        #expect(percentDecode("a+b%2B") == "a+b+")
        #expect(percentDecode("a+b%2B", plusIsSpace: true) == "a b+")
    }
}

@Suite struct HTTPRequestTests {
    @Test func `path and query are told apart at the first question mark`() {
        let request = HTTPRequest(target: "/a/b%20c?x=1&y=a+b&x=2&flag&bad=%zz&=empty&z=%3D?")
        #expect(request.path == "/a/b%20c")
        #expect(request.query["x"] == "1")
        #expect(request.query.values("x") == ["1", "2"])
        #expect(request.query["y"] == "a b")
        #expect(request.query["flag"] == "")
        #expect(request.query["bad"] == nil)
        #expect(request.query[""] == "empty")
        #expect(request.query["z"] == "=?")
        #expect(Array(HTTPRequest(target: "/plain").query.map(\.name)).isEmpty)
    }

    @Test(arguments: ["", "GET POST", "GÉT", "G(T", String(repeating: "A", count: 33)])
    func `a method that is no token is refused`(text: String) {
        #expect(HTTPMethod(rawValue: text) == nil)
    }

    @Test func `methods are case-sensitive`() {
        #expect(HTTPMethod(rawValue: "GET") == .get)
        #expect(HTTPMethod(rawValue: "get") != .get)
    }
}
