/// Ids of the last one to two renewals of the leases, in two generations; longer while their outcome is not written.
struct RecentIDs {
    private var young: Set<Int64> = []
    private var old: Set<Int64> = []
    /// Most ids that are asked for are newer than all that are in it.
    private var highest = Int64.min

    func contains(_ id: Int64) -> Bool { id <= highest && (young.contains(id) || old.contains(id)) }

    func filter(_ isIncluded: (Int64) -> Bool) -> [Int64] { young.filter(isIncluded) + old.filter(isIncluded) }

    mutating func insert(_ id: Int64) {
        young.insert(id)
        highest = max(highest, id)
    }

    /// Called with every renewal.
    mutating func age(keeping unwritten: Set<Int64>) {
        old = young
        young = unwritten
        young.reserveCapacity(old.count)
    }
}
