import Glibc
import Testing

@testable import HTTPClient

@Suite struct StreamedBodyTests {
    /// Reads the whole body through a buffer of `size` bytes.
    private func text(_ body: StreamedBody, size: Int) -> String? {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: size)
        while true {
            guard let count = unsafe chunk.withUnsafeMutableBytes({ unsafe body.read(into: $0) }) else { return nil }
            if count == 0 { return String(decoding: all, as: UTF8.self) }
            all += chunk[..<count]
        }
    }

    private static let expected =
        "--b\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n42\r\n"
        + "--b\r\nContent-Disposition: form-data; name=\"p0\"; filename=\"кот%22%0D%0A.png\"\r\n"
        + "Content-Type: image/png\r\n\r\nPNG!\r\n--b--\r\n"

    @Test(arguments: [1, 7, 4_096])
    func `parts come out exactly, whatever the buffer's size`(size: Int) throws {
        try withTemporaryFile([UInt8]("PNG!".utf8)) { path in
            let body = try StreamedBody(
                [
                    MultipartPart(name: "chat_id", text: "42"),
                    MultipartPart(
                        name: "p0",
                        filename: "кот\"\r\n.png",
                        contentType: "image/png",
                        content: .file(path: path)
                    ),
                ],
                boundary: "b"
            )
            #expect(body.count == Int64(Self.expected.utf8.count))
            #expect(text(body, size: size) == Self.expected)
        }
    }

    @Test func `a content type cannot bring in another header`() throws {
        let part = MultipartPart(name: "a", contentType: "x/y\r\nEvil: 1", content: .bytes([]))
        let body = try #require(text(try StreamedBody([part], boundary: "b"), size: 100))
        #expect(!body.contains("\nEvil"))
    }

    @Test func `a missing file and a folder are refused before anything is sent`() throws {
        for path in ["/nonexistent/file", "/tmp"] {
            #expect(throws: HTTPClientError.self) {
                _ = try StreamedBody([MultipartPart(name: "a", content: .file(path: path))], boundary: "b")
            }
        }
    }

    @Test func `a file that became shorter ends the body with a failure`() throws {
        try withTemporaryFile([UInt8](repeating: 7, count: 100)) { path in
            let body = try StreamedBody([MultipartPart(name: "a", content: .file(path: path))], boundary: "b")
            unsafe truncate(path, 10)
            #expect(text(body, size: 64) == nil)
        }
    }
}

/// Runs `body` with the path of a file that holds `bytes` and is removed afterwards.
func withTemporaryFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
    let path = temporaryPath()
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    let written = unsafe bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
    close(file)
    #expect(written == bytes.count)
    defer { unsafe unlink(path) }
    try body(path)
}

/// A path in /tmp that nobody else uses.
func temporaryPath() -> String {
    "/tmp/atelier-http-client-\(getpid())-\(UInt64.random(in: .min ... .max))"
}
