import Foundation
import Testing
import Time

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-21T10:00:00.123456Z", 1_795_255_200_123_456),
            ("2000-02-29T23:59:59.000001Z", 951_868_799_000_001),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ] as [(String, Int64)]
    )
    func `text and microseconds are two forms of one moment`(text: String, microseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
        #expect(Timestamp(microseconds: microseconds).description == text)
    }

    @Test(arguments: [
        ("2026-11-21T13:00:00+03:00", "2026-11-21T10:00:00Z"),
        ("2026-11-20T22:30:00-11:30", "2026-11-21T10:00:00Z"),
        ("2026-11-21t10:00:00z", "2026-11-21T10:00:00Z"),
        ("2026-11-21 10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00.1Z", "2026-11-21T10:00:00.100000Z"),
        ("2026-11-21T10:00:00.123456789Z", "2026-11-21T10:00:00.123456Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ])
    func `other spellings of RFC 3339 are read`(text: String, canonical: String) {
        #expect(Timestamp(rfc3339: text)?.description == canonical)
    }

    @Test(arguments: [
        "", "2026", "2026-11-21", "2026-11-21T10:00:00", "2026-11-21T10:00Z", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z", "2026-11-21T10:00:61Z", "2026-11-21T10:00:00.Z",
        "2026-11-21T10:00:00.1234567890Z", "2026-11-21T10:00:00+3:00", "2026-11-21T10:00:00+0300",
        "2026-11-21T10:00:00+24:00", "2026-11-21T10:00:00Z ", " 2026-11-21T10:00:00Z", "2026-11-21T10:00:00Zjunk",
        "-026-11-21T10:00:00Z", "２026-11-21T10:00:00Z", "2026-11-21T10:00:00é", "2026/11/21T10:00:00Z",
    ])
    func `anything else is refused`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func `every moment of a random walk reads back`() {
        var microseconds: Int64 = -62_135_596_800_000_000
        while microseconds < 253_402_300_799_000_000 {
            let moment = Timestamp(microseconds: microseconds)
            #expect(Timestamp(rfc3339: moment.description) == moment)
            microseconds += Int64.random(in: 1...400_000_000_000_000)
        }
    }

    @Test func `JSON carries the text, and malformed text is an error`() throws {
        let moment = Timestamp(seconds: 1_795_255_200)
        let data = try JSONEncoder().encode([moment])
        #expect(String(decoding: data, as: UTF8.self) == "[\"2026-11-21T10:00:00Z\"]")
        #expect(try JSONDecoder().decode([Timestamp].self, from: data) == [moment])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Timestamp].self, from: Data("[\"yesterday\"]".utf8))
        }
    }

    @Test func `arithmetic with durations is exact to the microsecond`() {
        let moment = Timestamp(seconds: 100)
        #expect(moment + .milliseconds(1_500) == Timestamp(microseconds: 101_500_000))
        #expect(moment - .microseconds(1) == Timestamp(microseconds: 99_999_999))
        #expect(moment - Timestamp(seconds: 40) == .seconds(60))
        #expect(Timestamp(seconds: -1) < Timestamp(seconds: 0))
    }
}

@Suite struct DeadlineTests {
    @Test func `a deadline ahead has time left and one behind has none`() {
        #expect(Deadline.after(.seconds(60)).remaining > .seconds(59))
        #expect(!Deadline.after(.seconds(60)).isExpired)
        #expect(Deadline.after(.seconds(-5)).isExpired)
        #expect(Deadline.after(.zero).remaining == .zero)
    }

    @Test func `a deadline further ahead than the clock can count never passes`() {
        #expect(Deadline.after(.seconds(Int64.max / 1_000_000)) <= .never)
        #expect(!Deadline.never.isExpired)
        #expect(Deadline.never.remaining > .seconds(1_000_000_000))
    }

    @Test func `the monotonic clock never goes back`() {
        let readings = (0..<1_000).map { _ in Deadline.monotonicNow() }
        #expect(readings == readings.sorted())
    }

    @Test func `durations convert without surprises`() {
        #expect(Duration.milliseconds(1_999).wholeMilliseconds == 1_999)
        #expect(Duration.nanoseconds(1_999).wholeMicroseconds == 1)
        #expect(Duration.nanoseconds(-1_999).wholeMicroseconds == -1)
        #expect(abs(Duration.milliseconds(250).inSeconds - 0.25) < 1e-12)
    }
}
