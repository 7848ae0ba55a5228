/// Which statements one connection has prepared: text and parameter types to the name on the server, least recently
/// used out first. Pure.
struct StatementCache {
    /// What tells one statement from another: its text and the types of its parameters.
    struct Key: Hashable {
        private let text: String
        private let parameters: [SQL.Parameter]

        init(_ sql: SQL) {
            self.text = sql.text
            self.parameters = sql.parameters
        }

        static func == (left: Key, right: Key) -> Bool {
            left.text == right.text
                && left.parameters.elementsEqual(right.parameters) { $0.type == $1.type }
        }

        /// Looks at the length and at some bytes of the text: hashing all of a long statement would cost more than
        /// sending it, and a collision only costs a comparison.
        func hash(into hasher: inout Hasher) {
            var sample = UInt64(truncatingIfNeeded: text.utf8.count)
            unsafe text.utf8.withContiguousStorageIfAvailable { bytes in
                var index = 0
                let step = max(1, bytes.count / 24)
                while index < bytes.count {
                    sample = sample &* 31 &+ UInt64(unsafe bytes[index])
                    index += step
                }
            }
            hasher.combine(sample)
        }
    }

    enum Lookup: Equatable {
        case found(name: String)
        /// To be prepared under this name, after `evicted` has been deallocated.
        case missing(name: String, evicted: String?)
    }

    /// A class, so that noting a use does not look the key up a second time.
    private final class Entry {
        let name: String
        var lastUse: UInt64

        init(name: String, lastUse: UInt64) {
            self.name = name
            self.lastUse = lastUse
        }
    }

    /// How many statements a connection keeps; each costs the server some tens of kilobytes.
    let capacity: Int
    private var entries: [Key: Entry] = [:]
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
            entry.lastUse = uses
            return .found(name: entry.name)
        }
        var evicted: String?
        if entries.count >= capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            entries[oldest.key] = nil
            evicted = oldest.value.name
        }
        names += 1
        let name = "s\(names)"
        entries[key] = Entry(name: name, lastUse: uses)
        return .missing(name: name, evicted: evicted)
    }

    /// Forgets a statement whose preparation failed.
    mutating func forget(_ key: Key) {
        entries[key] = nil
    }
}
