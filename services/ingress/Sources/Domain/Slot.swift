/// The 64 parts into which lanes are divided between instances.
package enum Slot {
    package static let count = 64

    package static func of(lane: String) -> Int32 { LaneHash(lane).slot }
}

/// FNV-1a over a lane: the same in every process and release, since slots are stored.
struct LaneHash {
    private let value: UInt64

    init(_ lane: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in lane.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        value = hash ^ hash >> 32
    }

    var slot: Int32 { Int32(truncatingIfNeeded: value & 63) }
    /// Of bits that the slot does not use: a few slots may hold all lanes of an instance.
    var mark: UInt16 { UInt16(truncatingIfNeeded: value >> 6) }
}

/// Lanes by their marks, so that no text is compared. It may take a lane for another one, and overlooks none.
struct LaneMarks {
    private var words = [UInt64](repeating: 0, count: (Int(UInt16.max) + 1) / UInt64.bitWidth)

    init(_ marks: some Sequence<UInt16>) {
        for mark in marks { words[Self.word(mark)] |= Self.bit(mark) }
    }

    func contains(_ mark: UInt16) -> Bool { words[Self.word(mark)] & Self.bit(mark) != 0 }

    private static func word(_ mark: UInt16) -> Int { Int(mark) / UInt64.bitWidth }
    private static func bit(_ mark: UInt16) -> UInt64 { 1 << UInt64(Int(mark) % UInt64.bitWidth) }
}
