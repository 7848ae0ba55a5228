import Contracts
import HTTP
import ModelCatalogue
import Testing
import Time

@testable import GenerationService

struct DecimalsTests {
    @Test(
        "configured decimals are read exactly or not at all",
        arguments: [
            ("92", 92_000), ("92.5", 92_500), ("1.875", 1_875), ("0.001", 1), ("0", nil), ("-1", nil), ("1.2345", nil),
            ("", nil), ("1.", nil), ("a", nil), ("+5", nil),
        ] as [(String, Int64?)]
    )
    func decimals(_ text: String, _ thousandths: Int64?) {
        #expect(Decimals(text)?.thousandths == thousandths)
    }
}

struct SlotBookTests {
    private func at(_ seconds: Double) -> Timestamp { Timestamp(microseconds: Int64(seconds * 1_000_000)) }

    @Test func `twenty go at once and the next waits for the window of the first`() {
        var book = SlotBook(account: "k", stamps: [])
        for number in 0..<20 {
            #expect(book.nextSlot(now: at(Double(number) / 10)) == at(Double(number) / 10))
            book = book.taking(at(Double(number) / 10))
        }
        #expect(book.free(now: at(5)) == 0)
        #expect(book.nextSlot(now: at(5)) == at(10.2))
        #expect(book.free(now: at(10.25)) == 1)
    }

    @Test func `no window of ten seconds ever holds more than twenty, whatever the demand`() {
        var book = SlotBook(account: "k", stamps: [])
        var taken: [Timestamp] = []
        for tick in 0..<600 {
            let now = at(Double(tick) / 10)
            for _ in 0..<3 where book.nextSlot(now: now) <= now {
                book = book.taking(now)
                taken.append(now)
            }
        }
        for (index, first) in taken.enumerated() where index + 20 < taken.count {
            #expect(taken[index + 20] - first > .seconds(10))
        }
        #expect(taken.count >= 100)
    }

    @Test func `a resting account has no slot`() {
        let resting = SlotBook(account: "a", pausedUntil: at(30))
        #expect(resting.free(now: at(2)) == 0 && resting.nextSlot(now: at(2)) == at(30))
    }

    @Test func `a clock that goes back does not disorder the stamps`() {
        let book = SlotBook(account: "k", stamps: [at(10)]).taking(at(9))
        #expect(book.stamps == [at(10), at(10)])
    }
}

struct PollScheduleTests {
    private let usual = PollSchedule(first: .seconds(15), interval: .seconds(15))

    @Test func `the first poll comes after a third of the usual run, within the configured limits`() {
        #expect(usual.firstWait(typicalSeconds: 31) == .milliseconds(10_354))
        #expect(usual.firstWait(typicalSeconds: 300) == .seconds(15))
        #expect(PollSchedule(first: .seconds(15), interval: .seconds(2)).firstWait(typicalSeconds: 300) == .seconds(4))
        #expect(usual.firstWait(typicalSeconds: 1) == .seconds(1))
    }

    @Test func `polls become rarer with age, at most four times`() {
        #expect(usual.nextWait(elapsed: .zero, pollsAfterCallback: nil, random: 0.5) == .seconds(15))
        #expect(usual.nextWait(elapsed: .seconds(3_600), pollsAfterCallback: nil, random: 0.5) == .seconds(60))
        #expect(usual.nextWait(elapsed: .zero, pollsAfterCallback: nil, random: 0) == .seconds(12))
    }

    @Test func `after a callback the record is read quickly, for a while`() {
        #expect(usual.nextWait(elapsed: .zero, pollsAfterCallback: 0, random: 0.5) == .seconds(1))
        #expect(usual.nextWait(elapsed: .zero, pollsAfterCallback: 5, random: 0.5) == .seconds(15))
    }
}

struct ByteRangeTests {
    @Test(
        "a range header says which part is meant, or nothing",
        arguments: [
            (nil, .whole), ("bytes=0-9", .part(offset: 0, length: 10)), ("bytes=90-", .part(offset: 90, length: 10)),
            ("bytes=-5", .part(offset: 95, length: 5)), ("bytes=-500", .part(offset: 0, length: 100)),
            ("bytes=50-500", .part(offset: 50, length: 50)), ("bytes=100-", .unsatisfiable),
            ("bytes=-0", .unsatisfiable),
            ("bytes=9-3", .whole), ("bytes=0-1,3-4", .whole), ("items=0-1", .whole), ("bytes=a-b", .whole),
            ("bytes=-", .whole), ("bytes=99999999999999999999-", .whole),
        ] as [(String?, ByteRange)]
    )
    func ranges(_ header: String?, _ expected: ByteRange) {
        #expect(ByteRange(header, size: 100) == expected)
    }

    @Test func `an empty file has no satisfiable part`() {
        #expect(ByteRange("bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRange("bytes=-1", size: 0) == .unsatisfiable)
    }
}

struct MediaFactsTests {
    @Test func `pictures tell their size`() {
        let png = MediaFacts(Samples.png)
        #expect(png?.mimeType == "image/png" && png?.width == 640 && png?.height == 480)
        let jpeg = MediaFacts(Samples.jpeg)
        #expect(jpeg?.mimeType == "image/jpeg" && jpeg?.width == 320 && jpeg?.height == 200)
    }

    @Test func `every cut of a picture is read without a trap`() {
        for length in 0..<Samples.jpeg.count { _ = MediaFacts(Array(Samples.jpeg.prefix(length))) }
        for length in 0..<Samples.png.count { _ = MediaFacts(Array(Samples.png.prefix(length))) }
        #expect(MediaFacts(Array(Samples.png.prefix(8)))?.width == nil)
    }

    @Test(
        "the first bytes decide",
        arguments: [
            (Array("ID3\u{4}".utf8), "audio/mpeg"), ([0xff, 0xfb, 0x90, 0], "audio/mpeg"),
            (Array("RIFF....WAVE".utf8), "audio/wav"), (Array("OggS".utf8), "audio/ogg"),
            ([0, 0, 0, 32] + Array("ftypisom".utf8), "video/mp4"),
            ([0, 0, 0, 32] + Array("ftypM4A ".utf8), "audio/mp4"),
            ([0x1a, 0x45, 0xdf, 0xa3], "video/webm"), (Array("GIF89a".utf8), "image/gif"),
        ] as [([UInt8], String)]
    )
    func types(_ head: [UInt8], _ type: String) {
        #expect(MediaFacts(head)?.mimeType == type)
    }

    private static func box(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let size = UInt32(content.count + 8)
        return (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) } + Array(type.utf8) + content
    }

    /// A film of 480 by 270 and 4.5 seconds, with a sound track in front of its picture track.
    private static let film: [UInt8] = {
        let header = [UInt8](repeating: 0, count: 12) + [0, 0, 0x03, 0xe8, 0, 0, 0x11, 0x94]
        let sound = box("tkhd", [UInt8](repeating: 0, count: 84))
        let picture = box("tkhd", [UInt8](repeating: 0, count: 76) + [1, 0xe0, 0, 0, 1, 0x0e, 0, 0])
        return box("ftyp", Array("isom0000".utf8))
            + box("moov", box("mvhd", header) + box("trak", sound) + box("trak", picture))
    }()

    @Test func `films tell their size and length`() {
        let facts = MediaFacts(Self.film)
        #expect(facts?.mimeType == "video/mp4" && facts?.width == 480 && facts?.height == 270 && facts?.seconds == 4.5)
    }

    @Test func `every cut of a film is read without a trap, and so are boxes that lie about their size`() {
        for length in 0..<Self.film.count { _ = MediaFacts(Array(Self.film.prefix(length))) }
        for offset in 0..<Self.film.count {
            for value in [0, 1, 7, 0xff] as [UInt8] {
                var broken = Self.film
                broken[offset] = value
                _ = MovieFacts(broken)
            }
        }
        #expect(MovieFacts([]) == MovieFacts([0, 0, 0, 8]))
    }

    @Test func `an error page is no result`() {
        #expect(MediaFacts(Array("<!DOCTYPE html>".utf8)) == nil)
        #expect(MediaFacts(Array("{\"error\":1}".utf8)) == nil)
        #expect(MediaFacts([]) == nil)
    }
}
