import Cryptography
import Testing

@Suite struct CryptographyTests {
    /// FIPS 180-4 examples.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 gives the published digests`(message: String, digest: String) {
        #expect(Hex.encode(SHA256.hash(message)) == digest)
    }

    @Test func `pieces hash like the whole, wherever they are cut`() {
        let message = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for cut in [0, 1, 63, 64, 65, 999, 1_000] {
            var hash = SHA256()
            hash.update(Array(message[..<cut]))
            hash.update(Array(message[cut...]))
            #expect(hash.finish() == SHA256.hash(message))
        }
    }

    @Test func `a digest of no piece at all is the digest of the empty message`() {
        #expect(SHA256().finish() == SHA256.hash(""))
    }

    /// RFC 4231, test cases 1, 2 and 6 (a key longer than the block).
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0b, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            [UInt8]("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func `HMAC gives the published codes`(key: [UInt8], message: String, code: String) {
        #expect(Hex.encode(HMACSHA256.code(for: [UInt8](message.utf8), key: key)) == code)
    }

    @Test func `HMAC takes an empty key and an empty message`() {
        let code = HMACSHA256.code(for: [], key: [])
        #expect(Hex.encode(code) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
        #expect(HMACSHA256.isValid(code, for: [], key: []))
        #expect(!HMACSHA256.isValid(Array(code.dropLast()), for: [], key: []))
    }

    /// RFC 8032 section 7.1, tests 1 to 3.
    @Test(arguments: [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ])
    func `Ed25519 gives the published keys and signatures`(
        seed: String,
        publicKey: String,
        message: String,
        signature: String
    ) throws {
        let seed = try #require(Hex.decode(seed))
        let key = try #require(Ed25519.PrivateKey(bytes: seed))
        let message = try #require(Hex.decode(message))
        #expect(Hex.encode(key.publicKey.bytes) == publicKey)
        #expect(Hex.encode(key.sign(message)) == signature)
        #expect(key.publicKey.isValid(key.sign(message), for: message))
    }

    @Test func `a signature is refused for another message, another key, a flipped bit and a wrong length`() throws {
        let key = Ed25519.PrivateKey()
        let message = [UInt8]("callback".utf8)
        let signature = key.sign(message)
        var flipped = signature
        flipped[10] ^= 1
        #expect(!key.publicKey.isValid(signature, for: [UInt8]("callbacl".utf8)))
        #expect(!Ed25519.PrivateKey().publicKey.isValid(signature, for: message))
        #expect(!key.publicKey.isValid(flipped, for: message))
        #expect(!key.publicKey.isValid(Array(signature.dropLast()), for: message))
        #expect(!key.publicKey.isValid([], for: message))
        #expect(key.publicKey.isValid(signature, for: message))
    }

    @Test func `keys of another length than 32 bytes are refused`() {
        #expect(Ed25519.PrivateKey(bytes: [UInt8](repeating: 1, count: 31)) == nil)
        #expect(Ed25519.PublicKey(bytes: []) == nil)
    }

    @Test func `constant-time comparison agrees with equality`() {
        #expect(constantTimeEquals("secret", "secret"))
        #expect(!constantTimeEquals("secret", "secreT"))
        #expect(!constantTimeEquals("secret", "secret2"))
        #expect(constantTimeEquals([UInt8](), []))
    }

    @Test func `random bytes have the length asked for and differ from draw to draw`() {
        #expect(secureRandom(0).isEmpty)
        #expect(secureRandom(33).count == 33)
        #expect(secureRandom(16) != secureRandom(16))
    }
}
