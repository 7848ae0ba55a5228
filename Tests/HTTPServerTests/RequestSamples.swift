import HTTPServer
import Testing

/// Input that must be taken, and what it holds.
struct AcceptedRequest: Sendable, CustomTestStringConvertible {
    let bytes: String
    let requests: [String]
    var testDescription: String { String(bytes.prefix(60)).debugDescription }

    init(_ bytes: String, _ requests: String...) {
        self.bytes = bytes
        self.requests = requests
    }
}

/// Input that must be refused, and why.
struct RefusedRequest: Sendable, CustomTestStringConvertible {
    let bytes: String
    let refusal: HTTPRefusal
    var testDescription: String { String(bytes.prefix(60)).debugDescription }

    init(_ refusal: HTTPRefusal, _ bytes: String) {
        self.bytes = bytes
        self.refusal = refusal
    }

    /// A request that is right but for these header lines.
    static func fields(_ refusal: HTTPRefusal, _ lines: String, after: String = "") -> RefusedRequest {
        RefusedRequest(refusal, "POST /p HTTP/1.1\r\nHost: h\r\n\(lines)\r\n\r\n\(after)")
    }

    /// A request that is right but for its chunked body.
    static func chunks(_ refusal: HTTPRefusal, _ body: String) -> RefusedRequest {
        fields(refusal, "Transfer-Encoding: chunked", after: body)
    }
}

private let chunked = "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

let acceptedRequests: [AcceptedRequest] = [
    // Request lines and targets.
    AcceptedRequest("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / "),
    AcceptedRequest("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / "),
    AcceptedRequest("DELETE /a/b?c=d&e=%20f HTTP/1.1\r\nHost: h\r\n\r\n", "DELETE /a/b?c=d&e=%20f "),
    AcceptedRequest("GET //double HTTP/1.1\r\nHost: h\r\n\r\n", "GET //double "),
    AcceptedRequest("GET /?? HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?? "),
    AcceptedRequest("GET /-._~!$&'()*+,;=:@ HTTP/1.1\r\nHost: h\r\n\r\n", "GET /-._~!$&'()*+,;=:@ "),
    AcceptedRequest("GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b "),
    AcceptedRequest("GET HTTPS://H:8080 HTTP/1.1\r\nHost: h:8080\r\n\r\n", "GET / "),
    AcceptedRequest("GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?q "),
    AcceptedRequest("GET http://[::1]:80/x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /x "),
    AcceptedRequest("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * "),
    AcceptedRequest("OPTIONS /p HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS /p "),
    AcceptedRequest("PURGE-IT /x HTTP/1.1\r\nHost: h\r\n\r\n", "PURGE-IT /x "),
    AcceptedRequest("get / HTTP/1.1\r\nHost: h\r\n\r\n", "get / "),
    AcceptedRequest(
        "GET /\(String(repeating: "a", count: 63)) HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\(String(repeating: "a", count: 63)) "
    ),
    // Versions.
    AcceptedRequest("GET / HTTP/1.0\r\n\r\n", "GET / close "),
    AcceptedRequest("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / "),
    AcceptedRequest("GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", "GET / close "),
    AcceptedRequest("GET / HTTP/1.9\r\nHost: h\r\n\r\n", "GET / "),
    // Fields.
    AcceptedRequest("GET / HTTP/1.1\r\nhOsT:h\r\n\r\n", "GET / "),
    AcceptedRequest("GET / HTTP/1.1\r\nHost: \t h \t\r\n\r\n", "GET / "),
    AcceptedRequest("GET / HTTP/1.1\r\nHost: h\r\nEmpty:\r\nBlank:   \r\n\r\n", "GET / "),
    AcceptedRequest("GET / HTTP/1.1\r\nHost: h\r\nX: caf\u{e9} \u{44f}\r\n\r\n", "GET / "),
    AcceptedRequest("GET / HTTP/1.1\r\nHost: h\r\n!#$%&'*+-.^_`|~9aZ: x\r\n\r\n", "GET / "),
    AcceptedRequest("GET / HTTP/1.1\r\nHost: h\r\nX: a:b, \"c\" d\r\nX: e\r\n\r\n", "GET / "),
    AcceptedRequest("GET / HTTP/1.1\r\nHost: a.example:443\r\n\r\n", "GET / "),
    AcceptedRequest("GET / HTTP/1.1\r\nHost: 192.0.2.1:\r\n\r\n", "GET / "),
    AcceptedRequest("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / close "),
    AcceptedRequest("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo , CLOSE\r\n\r\n", "GET / close "),
    AcceptedRequest(
        "GET / HTTP/1.1\r\nHost: h\r\n" + (1...9).map { "x\($0): y\r\n" }.joined() + "\r\n",
        "GET / "
    ),
    // Bodies with a length.
    AcceptedRequest("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "POST /p hello"),
    AcceptedRequest("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "POST /p "),
    AcceptedRequest("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 0005\r\n\r\nhello", "POST /p hello"),
    AcceptedRequest("POST /p HTTP/1.1\r\nHost: h\r\n\r\n", "POST /p "),
    AcceptedRequest("GET /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n\r\n", "GET /p \r\n"),
    AcceptedRequest("POST /p HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", "POST /p close hi"),
    AcceptedRequest(
        "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi",
        "POST /p continue hi"
    ),
    AcceptedRequest("POST /p HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", "POST /p close hi"),
    AcceptedRequest(
        "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n\(String(repeating: "x", count: 100))",
        "POST /p \(String(repeating: "x", count: 100))"
    ),
    // Chunked bodies.
    AcceptedRequest(chunked + "0\r\n\r\n", "POST /p "),
    AcceptedRequest(chunked + "5\r\nhello\r\n0\r\n\r\n", "POST /p hello"),
    AcceptedRequest(chunked + "3\r\nabc\r\n002\r\nde\r\n0000\r\n\r\n", "POST /p abcde"),
    AcceptedRequest(chunked + "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "POST /p 01234567890123456789"),
    AcceptedRequest(chunked + "1;name\r\nx\r\n0;a=b;c=\"d;\\\"e\"\r\n\r\n", "POST /p x"),
    AcceptedRequest(chunked + "1\r\nx\r\n0\r\nTrailer: one\r\nHost: other\r\nContent-Length: 9\r\n\r\n", "POST /p x"),
    AcceptedRequest(chunked + "2\r\n\r\n\r\n0\r\n\r\n", "POST /p \r\n"),
    AcceptedRequest(
        "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "POST /p x"
    ),
    // Several in a row.
    AcceptedRequest(
        "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\naGET /3 HTTP/1.1\r\n"
            + "Host: h\r\n\r\n",
        "GET /1 ",
        "POST /2 a",
        "GET /3 "
    ),
    AcceptedRequest(
        chunked + "1\r\nx\r\n0\r\n\r\n" + chunked + "1\r\ny\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /p x",
        "POST /p y",
        "GET / "
    ),
    AcceptedRequest(
        "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /1 ",
        "GET /2 "
    ),
]

let refusedRequests: [RefusedRequest] = [
    // Line ends.
    RefusedRequest(.bareLineFeed, "GET / HTTP/1.1\nHost: h\n\n"),
    RefusedRequest(.bareLineFeed, "GET / HTTP/1.1\r\nHost: h\n\r\n"),
    RefusedRequest(.bareLineFeed, "GET / HTTP/1.1\r\nHost: h\r\n\n"),
    RefusedRequest(.bareLineFeed, "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.bareLineFeed, "GET / HTTP/1.1\r\nHost: h\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n"),
    RefusedRequest(.bareCarriageReturn, "GET / HTTP/1.1\r\nHost: h\r\rX: y\r\n\r\n"),
    RefusedRequest(.bareCarriageReturn, "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"),
    RefusedRequest(.bareCarriageReturn, "GET /\rHTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.bareCarriageReturn, "\r\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    // Request lines.
    RefusedRequest(.requestLine, "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET /\r\n\r\n"),
    RefusedRequest(.requestLine, "GET\r\n\r\n"),
    RefusedRequest(.requestLine, " GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "G@T / HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET / http/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET / HTTP/11\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET / HTTP/1.10\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET / HTTP/1.x\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET / HTTPS/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET / x HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "GET / \r\nHost: h\r\n\r\n"),
    RefusedRequest(.requestLine, "\u{16}\u{3}\u{1}\r\n\r\n"),
    RefusedRequest(.version, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
    RefusedRequest(.version, "GET / HTTP/0.9\r\nHost: h\r\n\r\n"),
    RefusedRequest(.version, "GET / HTTP/3.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "PRI * HTTP/2.0\r\n\r\n"),
    RefusedRequest(.method, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
    RefusedRequest(.method, "\(String(repeating: "M", count: 33)) / HTTP/1.1\r\nHost: h\r\n\r\n"),
    // Targets.
    RefusedRequest(.target, "GET a HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET * HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "OPTIONS ** HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /%4 HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /% HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /\u{0} HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /\u{44f} HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /<script> HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /\u{7f} HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET /[::1] HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET http:/h/a HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET http://user@h/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET http://h/[] HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.target, "GET h:443 HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.targetTooLong, "GET /\(String(repeating: "a", count: 64)) HTTP/1.1\r\nHost: h\r\n\r\n"),
    RefusedRequest(.targetTooLong, "GET /\(String(repeating: "a", count: 5_000))"),
    RefusedRequest(.targetTooLong, String(repeating: "x", count: 200)),
    // Hosts.
    RefusedRequest(.host, "GET / HTTP/1.1\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: a\r\nHOST: b\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: [x]\r\n\r\n"),
    RefusedRequest(.host, "GET / HTTP/1.1\r\nHost: \u{e9}\r\n\r\n"),
    RefusedRequest(.host, "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"),
    // Field lines.
    .fields(.spaceBeforeColon, "X : y"),
    .fields(.spaceBeforeColon, "Content-Length : 3", after: "abc"),
    .fields(.spaceBeforeColon, "Transfer-Encoding\t: chunked"),
    .fields(.foldedLine, "X: y\r\n z"),
    .fields(.foldedLine, "X: y\r\n\tz"),
    .fields(.foldedLine, " X: y"),
    .fields(.fieldName, "X"),
    .fields(.fieldName, ": y"),
    .fields(.fieldName, "X(y): z"),
    .fields(.fieldName, "X\u{0}: z"),
    .fields(.fieldName, "\u{e9}: z"),
    .fields(.fieldName, "\"X\": z"),
    .fields(.controlByte, "X: a\u{0}b"),
    .fields(.controlByte, "X: a\u{1b}b"),
    .fields(.controlByte, "X: \u{7f}"),
    .fields(.controlByte, "Host2: h\u{8}"),
    .fields(.headerTooLarge, "X: \(String(repeating: "a", count: 600))"),
    .fields(.headerTooLarge, (1...11).map { "x\($0): y" }.joined(separator: "\r\n")),
    .fields(.headerTooLarge, (1...9).map { "x\($0): \(String(repeating: "y", count: 60))" }.joined(separator: "\r\n")),
    .fields(.expectation, "Expect: 200-ok"),
    .fields(.expectation, "Expect:"),
    // Lengths.
    .fields(.contentLength, "Content-Length: -1"),
    .fields(.contentLength, "Content-Length: +5", after: "hello"),
    .fields(.contentLength, "Content-Length: 0x5", after: "hello"),
    .fields(.contentLength, "Content-Length: 5 5", after: "hello"),
    .fields(.contentLength, "Content-Length: 5, 5", after: "hello"),
    .fields(.contentLength, "Content-Length: 5,6", after: "hello"),
    .fields(.contentLength, "Content-Length:"),
    .fields(.contentLength, "Content-Length: five"),
    .fields(.contentLength, "Content-Length: 5.0", after: "hello"),
    .fields(.contentLength, "Content-Length: 1e1"),
    .fields(.contentLength, "Content-Length: 18446744073709551616"),
    .fields(.contentLength, "Content-Length: 9223372036854775808"),
    .fields(.contentLength, "Content-Length: \(String(repeating: "9", count: 40))"),
    .fields(.contentLength, "Content-Length: 5\r\nContent-Length: 5", after: "hello"),
    .fields(.contentLength, "Content-Length: 5\r\nContent-Length: 6", after: "hello"),
    .fields(.contentLength, "Content-Length: \u{665}"),
    .fields(.bodyTooLarge, "Content-Length: 101"),
    .fields(.bodyTooLarge, "Content-Length: 999999999999999999"),
    // Codings.
    .fields(.lengthAndCoding, "Content-Length: 5\r\nTransfer-Encoding: chunked", after: "0\r\n\r\n"),
    .fields(.lengthAndCoding, "Transfer-Encoding: chunked\r\nContent-Length: 5", after: "0\r\n\r\n"),
    .fields(.lengthAndCoding, "Transfer-Encoding: gzip\r\nContent-Length: 5"),
    RefusedRequest(.lengthAndCoding, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    .fields(.chunkedNotLast, "Transfer-Encoding: chunked, gzip"),
    .fields(.chunkedNotLast, "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip"),
    .fields(.chunkedNotLast, "Transfer-Encoding: chunked, chunked"),
    .fields(.chunkedNotLast, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    .fields(.chunkedNotLast, "Transfer-Encoding: chunked,"),
    .fields(.chunkedNotLast, "Transfer-Encoding:"),
    .fields(.unknownCoding, "Transfer-Encoding: gzip"),
    .fields(.unknownCoding, "Transfer-Encoding: identity"),
    .fields(.unknownCoding, "Transfer-Encoding: gzip, chunked"),
    .fields(.unknownCoding, "Transfer-Encoding: xchunked"),
    .fields(.unknownCoding, "Transfer-Encoding: chunked;q=1"),
    .fields(.unknownCoding, "Transfer-Encoding: \"chunked\""),
    .fields(.controlByte, "Transfer-Encoding: \u{b}chunked"),
    // Chunks.
    .chunks(.chunk, "x\r\n"),
    .chunks(.chunk, "\r\n"),
    .chunks(.chunk, "-1\r\n"),
    .chunks(.chunk, "0x1\r\nx\r\n"),
    .chunks(.chunk, "1 \r\nx\r\n"),
    .chunks(.chunk, " 1\r\nx\r\n"),
    .chunks(.chunk, "1\nx\r\n"),
    .chunks(.chunk, "1\r\nx\n0\r\n\r\n"),
    .chunks(.chunk, "1\r\nxy\r\n0\r\n\r\n"),
    .chunks(.chunk, "1\r\nx0\r\n\r\n"),
    .chunks(.chunk, "1\rx\r\n"),
    .chunks(.chunk, "0000000000000001\r\nx\r\n"),
    .chunks(.chunk, "fffffffffffffffff\r\n"),
    .chunks(.chunk, "1; a\r\nx\r\n"),
    .chunks(.chunk, "1;\r\nx\r\n"),
    .chunks(.chunk, "1;a=\r\nx\r\n"),
    .chunks(.chunk, "1;a=\"b\r\nx\r\n"),
    .chunks(.chunk, "1;a\u{0}\r\nx\r\n"),
    .chunks(.chunk, "1;a\nb\r\nx\r\n"),
    .chunks(.chunk, "1;\(String(repeating: "a", count: 32))\r\nx\r\n"),
    .chunks(.chunk, "1;aaaaaaaaaaaaaaaa\r\nx\r\n1;aaaaaaaaaaaaaaaa\r\nx\r\n0\r\n\r\n"),
    .chunks(.bodyTooLarge, "65\r\n"),
    .chunks(.bodyTooLarge, "fffffffffffffff\r\n"),
    .chunks(.bodyTooLarge, "64\r\n\(String(repeating: "x", count: 100))\r\n1\r\ny\r\n0\r\n\r\n"),
    .chunks(.bareLineFeed, "0\r\n\n"),
    .chunks(.bareLineFeed, "0\r\nT: 1\n\r\n"),
    .chunks(.bareCarriageReturn, "0\r\n\rx"),
    .chunks(.fieldName, "0\r\nT\r\n\r\n"),
    .chunks(.foldedLine, "0\r\n T: 1\r\n\r\n"),
    .chunks(.spaceBeforeColon, "0\r\nT : 1\r\n\r\n"),
    .chunks(.controlByte, "0\r\nT: \u{0}\r\n\r\n"),
    .chunks(.headerTooLarge, "0\r\nT: \(String(repeating: "x", count: 600))\r\n\r\n"),
    .chunks(.headerTooLarge, "0\r\n\((1...11).map { "t\($0): 1\r\n" }.joined())\r\n"),
]
