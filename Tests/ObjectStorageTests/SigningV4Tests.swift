import Configuration
import Cryptography
import Testing
import Time

@testable import ObjectStorage

/// The examples of AWS's own documentation ("Signature Calculations for the Authorization Header", "Authenticating Requests:
/// Using Query Parameters") and of the signature version 4 test suite.
@Suite struct SigningV4Tests {
    private let s3 = SigningV4(
        accessKey: "AKIAIOSFODNN7EXAMPLE",
        secretKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1"
    )
    private let suite = SigningV4(
        accessKey: "AKIDEXAMPLE",
        secretKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1",
        service: "service"
    )
    private let host = (name: "Host", value: "examplebucket.s3.amazonaws.com")

    private func s3Time() throws -> Timestamp { try #require(Timestamp(rfc3339: "2013-05-24T00:00:00Z")) }

    private func signature(
        _ method: String,
        _ path: String,
        query: [(name: String, value: String)] = [],
        fields: [(name: String, value: String)] = [],
        payload: String = ""
    ) throws -> String {
        let hash = Hex.encode(SHA256.hash(payload))
        let time = try s3Time()
        let common = [host, ("x-amz-content-sha256", hash), ("x-amz-date", SigningV4.stamp(time))]
        let request = SigningV4.Request(method: method, path: path, query: query, fields: fields + common)
        let text = s3.authorization(for: request, payloadHash: hash, at: time)
        #expect(text.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "))
        return String(text.suffix(64))
    }

    @Test func `GET of a range of an object`() throws {
        #expect(
            try signature("GET", "/test.txt", fields: [("Range", "bytes=0-9")])
                == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        )
    }

    @Test func `PUT of an object whose name is encoded`() throws {
        let fields = [
            (name: "Date", value: "Fri, 24 May 2013 00:00:00 GMT"),
            (name: "x-amz-storage-class", value: "REDUCED_REDUNDANCY"),
        ]
        #expect(
            try signature("PUT", "/test%24file.text", fields: fields, payload: "Welcome to Amazon S3.")
                == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        )
    }

    @Test func `a query member without a value, and several`() throws {
        #expect(
            try signature("GET", "/", query: [("lifecycle", "")])
                == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        )
        #expect(
            try signature("GET", "/", query: [("prefix", "J"), ("max-keys", "2")])
                == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        )
    }

    @Test func `a presigned address`() throws {
        let request = SigningV4.Request(method: "GET", path: "/test.txt", fields: [host])
        let query = s3.presigned(request, at: try s3Time(), seconds: 86_400)
        #expect(
            query == "X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        )
    }

    @Test(arguments: [
        ("GET", "/", [], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", [], "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET", "/", [["Param2", "value2"], ["Param1", "value1"]],
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        ),
        ("GET", "/%E1%88%B4", [], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    ])
    func `the test suite's requests`(method: String, path: String, query: [[String]], wanted: String) throws {
        let time = try #require(Timestamp(rfc3339: "2015-08-30T12:36:00Z"))
        let request = SigningV4.Request(
            method: method,
            path: path,
            query: query.map { ($0[0], $0[1]) },
            fields: [("Host", "example.amazonaws.com"), ("X-Amz-Date", SigningV4.stamp(time))]
        )
        let text = suite.authorization(for: request, payloadHash: SigningV4.emptyPayload, at: time)
        #expect(text.hasSuffix("SignedHeaders=host;x-amz-date, Signature=\(wanted)"))
    }

    @Test func `runs of spaces in a value count as one`() throws {
        let time = try s3Time()
        func sign(_ value: String) -> String {
            let request = SigningV4.Request(method: "GET", path: "/", fields: [host, ("my-header", value)])
            return suite.authorization(for: request, payloadHash: SigningV4.emptyPayload, at: time)
        }
        #expect(sign("  a   b c ") == sign("a b c"))
        #expect(sign("a b c") != sign("ab c"))
    }
}
