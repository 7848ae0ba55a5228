internal import Synchronization

/// Numbers for trace and span ids: spread over 64 bits and different each time, not secret.
///
/// The system's generator costs a system call a number, which is a tenth of what a small request costs. Here a counter
/// is hashed (SplitMix64, Steele and others 2014); two keys of each process keep its 128 bits apart from others'.
enum TraceNumbers {
    private static let counter = Atomic<UInt64>(.random(in: .min ... .max))
    private static let key = UInt64.random(in: .min ... .max)

    /// Two numbers that belong together, the first one not zero.
    static func pair() -> (high: UInt64, low: UInt64) {
        let count = counter.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
        let high = mix(count)
        return (high == 0 ? 1 : high, mix(count ^ key))
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
