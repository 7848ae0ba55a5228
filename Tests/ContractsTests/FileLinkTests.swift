import Contracts
import Testing
import Time

@Suite struct `A file link` {
    private let link = FileLink(
        asset: AssetID(),
        expiresAt: Timestamp(seconds: 1_767_268_800),
        signature: Array(repeating: 7, count: 64)
    )

    @Test func `is 118 characters that a URL needs not escape, and reads back`() throws {
        let text = link.text
        #expect(text.utf8.count == 118)
        #expect(text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
        #expect(FileLink(text) == link)
    }

    @Test func `has one spelling`() {
        let text = link.text
        // The last character carries four bits that belong to no byte.
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=." where last != text.last {
            let other = FileLink(text.dropLast() + String(last))
            #expect(other == nil || other?.signature != link.signature)
        }
        #expect(FileLink(text + "=") == nil)
        #expect(FileLink(text.dropLast()) == nil)
        #expect(FileLink("") == nil)
        #expect(FileLink(String(repeating: "я", count: 59)) == nil)
    }

    @Test func `has no expiry that is no time`() {
        var far = link
        far.expiresAt = Timestamp(seconds: -1)
        #expect(FileLink(far.text) == nil)
    }

    @Test func `signs asset and expiry, under a name of its own`() {
        let message = FileLink.signedMessage(asset: link.asset, expiresAt: link.expiresAt)
        #expect(String(decoding: message, as: UTF8.self) == "atelier-file-link-v1:\(link.asset):1767268800")
        #expect(message != CallbackToken.signedMessage(for: link.asset.uuid))
    }
}
