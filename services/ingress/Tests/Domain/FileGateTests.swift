import Testing
import Time

@testable import IngressService

@Suite struct `The gate of downloads` {
    private let start = Timestamp(seconds: 1_000)

    /// `#expect` takes no mutating call.
    private func expect(
        _ gate: inout FileGate,
        _ wanted: Bool,
        location: SourceLocation = #_sourceLocation,
        _ ask: (inout FileGate) -> Bool
    ) {
        let answer = ask(&gate)
        #expect(answer == wanted, sourceLocation: location)
    }

    @Test func `gives an address its requests back one by one`() {
        var gate = FileGate(limits: .init(burst: 3, refill: .seconds(2)))
        for _ in 0..<3 {
            expect(&gate, true) { $0.admit("192.0.2.1", now: start) }
        }
        expect(&gate, false) { $0.admit("192.0.2.1", now: start) }
        expect(&gate, true) { $0.admit("192.0.2.2", now: start) }
        expect(&gate, false) { $0.admit("192.0.2.1", now: start + .seconds(1)) }
        expect(&gate, true) { $0.admit("192.0.2.1", now: start + .seconds(2)) }
        expect(&gate, false) { $0.admit("192.0.2.1", now: start + .seconds(2)) }
    }

    @Test func `bounds the streams of an address and of all`() {
        var gate = FileGate(limits: .init(streamsPerAddress: 2, streams: 3))
        expect(&gate, true) { $0.enter("192.0.2.1", now: start) }
        expect(&gate, true) { $0.enter("192.0.2.1", now: start) }
        expect(&gate, false) { $0.enter("192.0.2.1", now: start) }
        expect(&gate, true) { $0.enter("192.0.2.2", now: start) }
        expect(&gate, false) { $0.enter("192.0.2.3", now: start) }
        gate.leave("192.0.2.1")
        expect(&gate, true) { $0.enter("192.0.2.3", now: start) }
        #expect(gate.streams == 3)
        for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.3", "192.0.2.9"] { gate.leave(address) }
        #expect(gate.streams == 0)
    }

    @Test func `forgets those that have rested, never those that read`() {
        var gate = FileGate(limits: .init(addresses: 100))
        expect(&gate, true) { $0.enter("192.0.2.1", now: start) }
        for number in 0..<10_000 { _ = gate.admit("10.0.\(number / 256).\(number % 256)", now: start) }
        gate.leave("192.0.2.1")
        #expect(gate.streams == 0)
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8::1", "2001:db8:0:0::/64"),
        ("::1", "0:0:0:0::/64"), ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
    ])
    func `counts an IPv6 address as its subscriber`(address: String, network: String) {
        #expect(FileGate.network(of: address) == network)
    }

    @Test(arguments: [
        (#"inline; filename="video.mp4""#, "video.mp4"), (#"inline; filename="../../etc/passwd""#, "etcpasswd"),
        (#"inline; filename="котик.png""#, "png"), ("inline", "file"), (#"inline; filename="..""#, "file"),
        ("inline; filename=\"a\r\nSet-Cookie: b\"", "aSet-Cookieb"),
    ])
    func `keeps of a file's name what harms nobody`(disposition: String, name: String) {
        #expect(FileRoutes.fileName(disposition) == name)
    }
}
