internal import Foundation

/// libFuzzer's loop: `FUZZ_TARGET=<name> <executable> <arguments of libFuzzer>`. A target traps when its oracle is hurt.
///
/// The target is no argument because libFuzzer starts itself again with the arguments that it was given.
@safe package enum Fuzzer {
    /// Takes one input.
    package typealias Target = (_ input: [UInt8]) -> Void

    /// Called for every input; set once, because libFuzzer's callback carries no context.
    nonisolated(unsafe) private static var target: Target = { _ in }

    /// The name of the target that was asked for.
    package static var targetName: String { ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? "" }

    /// Tries inputs until libFuzzer has had enough or the target traps.
    package static func run(_ targets: [String: Target]) -> Never {
        guard let target = targets[targetName] else {
            print("usage: FUZZ_TARGET=\(targets.keys.sorted().joined(separator: "|")) … <arguments of libFuzzer>")
            exit(2)
        }
        unsafe self.target = target
        var count = CommandLine.argc
        var arguments = unsafe CommandLine.unsafeArgv
        exit(
            unsafe runFuzzer(&count, &arguments) { start, count in
                unsafe Fuzzer.target(Array(UnsafeBufferPointer(start: start, count: count)))
                return 0
            }
        )
    }

    /// libFuzzer's loop as a function (compiler-rt, FuzzerInterface.h), because SwiftPM renames an executable's `main`.
    @_silgen_name("LLVMFuzzerRunDriver")
    private static func runFuzzer(
        _ count: UnsafeMutablePointer<CInt>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    ) -> CInt
}
