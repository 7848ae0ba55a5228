/// Update ids that are committed for certain: a repeat of one needs no look into the database.
///
/// A memory that forgets: of the ids that share a place the latest is kept. What is not in it may be stored all the same,
/// and only the database knows. Pure.
struct KnownUpdates {
    /// Telegram numbers a bot's updates one after the other, so that this many of the latest are known: 128 KiB a bot.
    private static let places = 1 << 14

    /// Each id lies in the place of its last bits.
    private var bots: [String: [Int64]] = [:]

    func contains(_ id: Int64, of bot: String) -> Bool { bots[bot]?[Self.place(id)] == id }

    mutating func insert(_ id: Int64, of bot: String) {
        bots[bot, default: Self.empty][Self.place(id)] = id
    }

    private static func place(_ id: Int64) -> Int { Int(truncatingIfNeeded: id) & (places - 1) }

    /// In every place an id that belongs into another one.
    private static let empty = (0..<Int64(places)).map { $0 ^ 1 }
}
