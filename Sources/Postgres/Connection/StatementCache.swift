/// Which statements one connection has prepared: text and parameter types to the name on the server, least recently
/// used out first. Pure.
struct StatementCache {
    struct Key: Hashable {
        let text: String
        let types: [UInt32]

        init(_ sql: SQL) {
            self.text = sql.text
            self.types = sql.types
        }
    }

    enum Lookup: Equatable {
        case found(name: String)
        /// To be prepared under this name, after `evicted` has been deallocated.
        case missing(name: String, evicted: String?)
    }

    /// How many statements a connection keeps; each costs the server some tens of kilobytes.
    let capacity: Int
    private var entries: [Key: (name: String, lastUse: UInt64)] = [:]
    private var uses: UInt64 = 0
    private var names: UInt64 = 0

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { entries.count }

    /// The name of a statement; a missing one is entered as if it had been prepared.
    mutating func use(_ key: Key) -> Lookup {
        uses += 1
        if let entry = entries[key] {
            entries[key]?.lastUse = uses
            return .found(name: entry.name)
        }
        var evicted: String?
        if entries.count >= capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            entries[oldest.key] = nil
            evicted = oldest.value.name
        }
        names += 1
        let name = "s\(names)"
        entries[key] = (name, uses)
        return .missing(name: name, evicted: evicted)
    }

    /// Forgets a statement whose preparation failed.
    mutating func forget(_ key: Key) {
        entries[key] = nil
    }
}
