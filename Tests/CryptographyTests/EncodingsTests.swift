import Cryptography
import Testing

@Suite struct EncodingsTests {
    /// RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `base64 gives the published texts`(plain: String, text: String) {
        #expect(Base64.encode([UInt8](plain.utf8)) == text)
        #expect(Base64.decode(text) == [UInt8](plain.utf8))
        let unpadded = text.filter { $0 != "=" }
        #expect(Base64URL.encode([UInt8](plain.utf8)) == unpadded)
        #expect(Base64URL.decode(unpadded) == [UInt8](plain.utf8))
    }

    @Test func `the URL alphabet has no character that a URL would escape`() {
        #expect(Base64URL.encode([0xfb, 0xff, 0xfe]) == "-__-")
        #expect(Base64.encode([0xfb, 0xff, 0xfe]) == "+//+")
        #expect(Base64URL.decode("+//+") == nil)
        #expect(Base64.decode("-__-") == nil)
    }

    @Test(arguments: ["Zg", "Zg=", "Z", "Zg==Zg==", "Zh==", "Zm9=", "Z===", "====", "Zm 9", "Zg==\n"])
    func `base64 that is not canonical is refused`(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test(arguments: ["Zg==", "A", "Zh", "Zm9v!", "Zм9v"])
    func `base64url that is not canonical is refused`(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func `every byte string up to 70 bytes survives each encoding`() {
        for count in 0...70 {
            let bytes = secureRandom(count)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        }
    }

    @Test func `hex reads both cases and refuses odd lengths and other letters`() {
        #expect(Hex.decode("00FFa5") == [0x00, 0xff, 0xa5])
        #expect(Hex.decode("0") == nil)
        #expect(Hex.decode("0g") == nil)
    }

    @Test func `base62 keeps length and order`() {
        #expect(Base62.encode([]) == "")
        #expect(Base62.encode([0]) == "00")
        #expect(Base62.encode([61]) == "0z")
        #expect(Base62.encode([62]) == "10")
        #expect(Base62.encode([255]) == "47")
        #expect(Base62.encode([UInt8](repeating: 255, count: 16)) == "7n42DGM5Tflk9n8mt7Fhc7")
        #expect(Base62.encode([UInt8](repeating: 0, count: 32)).count == 43)
        #expect(Base62.encode([1, 2, 3]) < Base62.encode([1, 2, 4]))
    }

    @Test func `random base62 has letters and digits only`() {
        let text = Base62.random(200)
        #expect(text.utf8.count == 200)
        #expect(text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
        #expect(Base62.random(22) != Base62.random(22))
    }
}
