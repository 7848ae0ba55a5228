import Configuration
import Foundation
import Testing

private enum Mode: String, CaseIterable { case real, standIn = "stand_in" }

@Suite struct ConfigurationReaderTests {
    private let timeout = ConfigurationKey.duration("ATELIER_TIMEOUT", default: .seconds(5), help: "how long to wait")
    private let limit = ConfigurationKey.int("ATELIER_LIMIT", range: 1...10, help: "how many at once")
    private let token = ConfigurationKey.secret("ATELIER_TOKEN", help: "the bot's token")

    @Test func `a default is used when a variable is absent or empty`() throws {
        #expect(try ConfigurationReader(environment: [:]).value(timeout) == .seconds(5))
        #expect(try ConfigurationReader(environment: ["ATELIER_TIMEOUT": ""]).value(timeout) == .seconds(5))
    }

    @Test func `wrong text never falls back to the default`() {
        let reader = ConfigurationReader(environment: ["ATELIER_TIMEOUT": "soon"])
        let error = #expect(throws: ConfigurationError.self) { try reader.value(timeout) }
        #expect(
            error?.description == "ATELIER_TIMEOUT is \"soon\"; it takes a duration such as 200ms, 5s, 10m, 2h or 7d"
        )
    }

    @Test func `a missing value says what it is for`() {
        let error = #expect(throws: ConfigurationError.self) { try ConfigurationReader(environment: [:]).value(limit) }
        #expect(error?.description.contains("ATELIER_LIMIT is missing") == true)
        #expect(error?.description.contains("how many at once") == true)
    }

    @Test func `all problems come at once, in the order of the key table`() {
        let reader = ConfigurationReader(environment: ["ATELIER_TIMEOUT": "1y", "ATELIER_LIMIT": "11"])
        let error = #expect(throws: ConfigurationError.self) { try reader.check([limit, token, timeout]) }
        #expect(error?.problems.map(\.key) == ["ATELIER_LIMIT", "ATELIER_TOKEN", "ATELIER_TIMEOUT"])
    }

    @Test func `a correct configuration passes the check`() throws {
        let reader = ConfigurationReader(environment: ["ATELIER_LIMIT": "10", "ATELIER_TOKEN": "x"])
        try reader.check([limit, token, timeout])
    }

    @Test func `an optional value may be absent but not malformed`() {
        let key = ConfigurationKey.int("ATELIER_EXTRA", optional: true, help: "more")
        #expect(ConfigurationReader(environment: [:]).optional(key) == nil)
        #expect(ConfigurationReader(environment: ["ATELIER_EXTRA": "7"]).optional(key) == 7)
        #expect(key.problem(in: ConfigurationReader(environment: [:])) == nil)
        #expect(key.problem(in: ConfigurationReader(environment: ["ATELIER_EXTRA": "x"]))?.key == "ATELIER_EXTRA")
    }

    @Test func `a secret is shown nowhere`() throws {
        let reader = ConfigurationReader(environment: ["ATELIER_TOKEN": "123:hush", "ATELIER_PAIRS": "hush"])
        let secret = try reader.value(token)
        #expect(secret.text == "123:hush")
        #expect("\(secret)" == "***" && String(reflecting: secret) == "***")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("hush"))
        #expect(token.shownValue(in: reader) == "***")
        let pairs = ConfigurationKey.secrets("ATELIER_PAIRS", help: "tokens")
        #expect(pairs.problem(in: reader)?.description.contains("hush") == false)
    }

    @Test func `a value may come from a file`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "atelier-\(UUID().uuidString)").path
        try Data("  from a file\n".utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try ConfigurationReader(environment: ["ATELIER_TOKEN_FILE": path]).value(token).text == "from a file")
        let both = ConfigurationReader(environment: ["ATELIER_TOKEN_FILE": path, "ATELIER_TOKEN": "direct"])
        #expect(try both.value(token).text == "direct")
    }

    @Test func `a file that can't be read is a problem, not an absence`() {
        let reader = ConfigurationReader(environment: ["ATELIER_TIMEOUT_FILE": "/nowhere/at/all"])
        #expect(throws: ConfigurationError.self) { try reader.value(timeout) }
    }
}

@Suite struct ConfigurationFormTests {
    private func read<Value>(_ key: ConfigurationKey<Value>, _ text: String) -> Value? {
        ConfigurationReader(environment: [key.name: text]).optional(key)
    }

    @Test(arguments: [
        ("200ms", 200), ("5s", 5_000), ("10m", 600_000), ("2h", 7_200_000), ("7d", 604_800_000), ("0s", 0),
    ])
    func `durations are read and written`(text: String, milliseconds: Int64) {
        let key = ConfigurationKey.duration("K", help: "")
        #expect(read(key, text) == .milliseconds(milliseconds))
        #expect(Duration.milliseconds(milliseconds).configurationText == text)
    }

    @Test(arguments: ["5", "s", "-5s", "5 s", "1.5s", "5S", "9223372036854775807d", "99999999999999999999s", "٣s"])
    func `other durations are refused`(text: String) {
        #expect(read(ConfigurationKey.duration("K", help: ""), text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1", 80), ("[::1]:0", "::1", 0), ("db.internal:65535", "db.internal", 65_535),
    ])
    func `listen addresses are read and written`(text: String, host: String, port: Int) {
        let address = read(ConfigurationKey.listen("K", help: ""), text)
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address?.description == text)
    }

    @Test(arguments: ["80", ":80", "::1:80", "host:", "host:65536", "host:-1", "a b:80"])
    func `other listen addresses are refused`(text: String) {
        #expect(read(ConfigurationKey.listen("K", help: ""), text) == nil)
    }

    @Test func `a URL loses its trailing slash, and what is no URL is refused`() {
        let key = ConfigurationKey.url("K", help: "")
        #expect(read(key, "https://api.example.org/") == "https://api.example.org")
        #expect(read(key, "http://127.0.0.1:8080/kie") == "http://127.0.0.1:8080/kie")
        for text in ["api.example.org", "ftp://x", "https://", "http://a b"] { #expect(read(key, text) == nil) }
    }

    @Test func `lists drop what is empty`() {
        #expect(read(ConfigurationKey.list("K", help: ""), " a, b ,,c") == ["a", "b", "c"])
    }

    @Test func `secrets by name are read, and malformed ones refused`() {
        let key = ConfigurationKey.secrets("K", help: "")
        #expect(read(key, "billing=a=b, delivery=c")?.mapValues(\.text) == ["billing": "a=b", "delivery": "c"])
        for text in ["billing", "=x", "billing=", "a=1,a=2"] { #expect(read(key, text) == nil) }
    }

    @Test func `switches and choices take their words only`() {
        let flag = ConfigurationKey.bool("K", help: "")
        #expect(read(flag, "YES") == true && read(flag, "0") == false)
        #expect(flag.problem(in: ConfigurationReader(environment: ["K": "maybe"])) != nil)
        let choice = ConfigurationKey<Mode>.choice("K", default: .real, help: "")
        #expect(read(choice, "stand_in") == .standIn)
        #expect(
            choice.problem(in: ConfigurationReader(environment: ["K": "other"]))?.reason.contains("real, stand_in")
                == true
        )
    }
}
