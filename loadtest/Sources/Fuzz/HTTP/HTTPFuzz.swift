import FuzzKit

/// What strangers send to a listener.
@main enum HTTPFuzz {
    static func main() {
        if Fuzzer.targetName == "http2" { HTTP2Fuzz.onLoop { Fuzzer.run(["http2": HTTP2Fuzz.check]) } }
        Fuzzer.run([
            "http1": { HTTP1Fuzz.check($0, feeder: .faithful) },
            "http1-planted": { HTTP1Fuzz.check($0, feeder: .forgetful) },
        ])
    }
}
