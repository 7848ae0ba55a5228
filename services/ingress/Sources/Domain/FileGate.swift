internal import Time

/// How much anybody may ask of the download route: requests a minute and streams at a time, for an address and in all.
///
/// A pure machine. An IPv6 address counts as its /64, which is what one subscriber has.
struct FileGate: Sendable {
    struct Limits: Sendable {
        /// Requests that an address may make at once; they come back one by one.
        var burst = 30
        /// How long it takes for one request to come back.
        var refill = Duration.seconds(2)
        /// Streams of an address under way.
        var streamsPerAddress = 4
        /// Streams of all addresses under way; each holds one piece in memory.
        var streams = 64
        /// Addresses remembered; beyond it those that have rested longest are forgotten.
        var addresses = 10_000
    }

    private struct Guest {
        /// When all of its requests will have come back.
        var restedAt: Timestamp
        var streams = 0
    }

    let limits: Limits
    private var guests: [String: Guest] = [:]
    private(set) var streams = 0

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Counts a request.
    ///
    /// - Returns: Whether it is allowed.
    mutating func admit(_ address: String, now: Timestamp) -> Bool {
        let name = Self.network(of: address)
        if guests.count >= limits.addresses && guests[name] == nil { forget(now: now) }
        var guest = guests[name] ?? Guest(restedAt: now)
        let restedAt = max(guest.restedAt, now) + limits.refill
        guard restedAt - now <= limits.refill * limits.burst else { return false }
        guest.restedAt = restedAt
        guests[name] = guest
        return true
    }

    /// Begins a stream; `leave` ends it.
    ///
    /// - Returns: Whether there was room.
    mutating func enter(_ address: String, now: Timestamp) -> Bool {
        let name = Self.network(of: address)
        var guest = guests[name] ?? Guest(restedAt: now)
        guard streams < limits.streams, guest.streams < limits.streamsPerAddress else { return false }
        guest.streams += 1
        streams += 1
        guests[name] = guest
        return true
    }

    mutating func leave(_ address: String) {
        let name = Self.network(of: address)
        guard let open = guests[name]?.streams, open > 0 else { return }
        guests[name]?.streams = open - 1
        streams -= 1
    }

    private mutating func forget(now: Timestamp) {
        guests = guests.filter { $0.value.streams > 0 || $0.value.restedAt > now }
        guard guests.count >= limits.addresses else { return }
        let median = guests.values.map(\.restedAt).sorted()[guests.count / 2]
        guests = guests.filter { $0.value.streams > 0 || $0.value.restedAt > median }
    }

    /// The first four groups of an IPv6 address; an IPv4 address whole.
    static func network(of address: String) -> String {
        guard address.contains(":"), !address.contains(".") else { return address }
        let halves = address.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
        let head = halves[0].split(separator: ":")
        let tail = halves.count > 1 ? halves[1].split(separator: ":") : []
        let zeros = Array(repeating: Substring("0"), count: max(0, 8 - head.count - tail.count))
        return (head + (halves.count > 1 ? zeros : []) + tail).prefix(4).joined(separator: ":") + "::/64"
    }
}
