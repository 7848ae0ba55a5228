/// Ids of the last one to two ticks, in two generations; longer while their outcome is not written.
struct RecentIDs {
    private var young: Set<Int64> = []
    private var old: Set<Int64> = []

    func contains(_ id: Int64) -> Bool { young.contains(id) || old.contains(id) }

    func filter(_ isIncluded: (Int64) -> Bool) -> [Int64] { young.filter(isIncluded) + old.filter(isIncluded) }

    mutating func insert(_ id: Int64) { young.insert(id) }

    /// Called once a tick.
    mutating func age(keeping unwritten: Set<Int64>) {
        old = young
        young = unwritten
    }
}
