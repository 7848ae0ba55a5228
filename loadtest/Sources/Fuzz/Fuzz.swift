internal import Foundation

/// What runs under libFuzzer: `FUZZ_TARGET=<name> fuzz <arguments of libFuzzer>`. A target traps when its oracle is hurt.
///
/// The target is no argument because libFuzzer starts itself again with the arguments that it was given.
@main @safe enum Fuzz {
    /// Takes one input.
    typealias Target = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

    static func main() {
        guard let target = unsafe target(ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? "") else {
            print("usage: FUZZ_TARGET=http1|http1-planted|http2|json|outline|arrays fuzz <arguments of libFuzzer>")
            exit(2)
        }
        var count = CommandLine.argc
        var arguments = unsafe CommandLine.unsafeArgv
        exit(unsafe runFuzzer(&count, &arguments, target))
    }

    private static func target(_ name: String) -> Target? {
        switch name {
        case "http1":
            { start, count in
                HTTP1Fuzz.check(unsafe copy(start, count), feeder: .faithful)
                return 0
            }
        case "http1-planted":
            { start, count in
                HTTP1Fuzz.check(unsafe copy(start, count), feeder: .forgetful)
                return 0
            }
        case "http2":
            { start, count in
                HTTP2Fuzz.check(unsafe copy(start, count))
                return 0
            }
        case "json":
            { start, count in
                JSONFuzz.checkValue(unsafe copy(start, count))
                return 0
            }
        case "outline":
            { start, count in
                JSONFuzz.checkOutline(unsafe copy(start, count))
                return 0
            }
        case "arrays":
            { start, count in
                ArrayFuzz.check(unsafe copy(start, count))
                return 0
            }
        default: nil
        }
    }

    /// libFuzzer's loop as a function (compiler-rt, FuzzerInterface.h), because SwiftPM renames an executable's `main`.
    @_silgen_name("LLVMFuzzerRunDriver")
    private static func runFuzzer(
        _ count: UnsafeMutablePointer<CInt>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ target: Target
    ) -> CInt
}

/// libFuzzer's input; outside of the type because C functions capture nothing.
private func copy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    unsafe Array(UnsafeBufferPointer(start: start, count: count))
}
