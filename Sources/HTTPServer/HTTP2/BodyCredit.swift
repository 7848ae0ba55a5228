/// How many bytes of request bodies one connection holds in memory, and how much of its window may be given back.
///
/// Pure. Bytes that are dropped or fit into the budget are credited at once; what is over stays owed until memory is
/// free again, so that the peer waits instead of filling ours.
struct BodyCredit: Sendable {
    private let budget: Int
    /// Bytes in memory.
    private(set) var held = 0
    /// Credit that has not been handed to the library yet.
    private var ready = 0

    /// - Parameter budget: Bytes; more may be held by what was on its way when it was reached.
    init(budget: Int) {
        self.budget = budget
    }

    /// Bytes whose credit the peer has to wait for.
    var owed: Int { max(0, held - budget) }

    /// Bytes of a body were kept.
    mutating func keep(_ bytes: Int) {
        let before = owed
        held += bytes
        ready += bytes - (owed - before)
    }

    /// Bytes came and nobody wanted them.
    mutating func drop(_ bytes: Int) {
        ready += bytes
    }

    /// Bytes that were kept have been let go of.
    mutating func release(_ bytes: Int) {
        let before = owed
        held -= bytes
        ready += before - owed
    }

    /// What to give back now, once.
    mutating func takeReady() -> Int {
        defer { ready = 0 }
        return ready
    }
}
