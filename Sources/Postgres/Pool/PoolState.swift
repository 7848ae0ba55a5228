/// Decides which caller gets which connection and when to open another. Pure: no clock, no sockets.
///
/// Fair: callers are served strictly in the order in which they came; a caller never overtakes one that waits. Idle
/// connections are reused last in, first out, so that few stay warm.
struct PoolState {
    typealias ConnectionID = UInt64
    typealias WaiterID = UInt64

    enum Action: Equatable {
        /// Give the idle connection to the caller that asked, or to the waiter that is named.
        case lease(ConnectionID, to: WaiterID?)
        /// Open a connection and report `connected` or `connectFailed`.
        case open
        /// Nothing to do: the caller waits, or the connection rests.
        case wait
        /// The queue is full.
        case refuse
        /// Report `retryDue` after the delay of this attempt, counted from 1.
        case retry(attempt: Int)
    }

    /// The most connections, opening ones included.
    let maximumConnections: Int
    /// The most callers that wait.
    let maximumWaiting: Int
    private(set) var idle: [ConnectionID] = []
    private(set) var leased: Set<ConnectionID> = []
    /// Connections being opened.
    private(set) var opening = 0
    /// Attempts to open that failed in a row.
    private(set) var failures = 0
    /// Whether the pool pauses before it opens another.
    private(set) var isBackingOff = false
    private var waiters = WaiterQueue()

    init(maximumConnections: Int, maximumWaiting: Int) {
        self.maximumConnections = max(1, maximumConnections)
        self.maximumWaiting = maximumWaiting
    }

    var waitingCount: Int { waiters.count }
    private var total: Int { idle.count + leased.count + opening }

    /// Leases an idle connection, unless there is none or callers wait already.
    mutating func takeIdle() -> ConnectionID? {
        guard waiters.count == 0, let connection = idle.popLast() else { return nil }
        leased.insert(connection)
        return connection
    }

    /// A caller wants a connection; `.lease` has `to: nil`. With any other answer but `.refuse` it now waits as `waiter`.
    mutating func acquire(_ waiter: WaiterID) -> [Action] {
        if let connection = takeIdle() { return [.lease(connection, to: nil)] }
        guard waiters.count < maximumWaiting else { return [.refuse] }
        waiters.append(waiter)
        return [openIfUseful()]
    }

    /// A waiting caller gave up. A connection being opened for it stays.
    mutating func abandon(_ waiter: WaiterID) {
        waiters.remove(waiter)
    }

    /// A connection has been opened.
    mutating func connected(_ connection: ConnectionID) -> Action {
        opening -= 1
        failures = 0
        isBackingOff = false
        return hand(over: connection)
    }

    /// A connection could not be opened.
    mutating func connectFailed() -> Action {
        opening -= 1
        failures += 1
        guard !isBackingOff else { return .wait }
        isBackingOff = true
        return .retry(attempt: failures)
    }

    /// The pause after a failure is over.
    mutating func retryDue() -> Action {
        isBackingOff = false
        return openIfUseful()
    }

    /// A leased connection comes back.
    mutating func released(_ connection: ConnectionID) -> Action {
        guard leased.remove(connection) != nil else { return .wait }
        return hand(over: connection)
    }

    /// A connection, idle or leased, has been closed.
    mutating func closed(_ connection: ConnectionID) -> Action {
        leased.remove(connection)
        idle.removeAll { $0 == connection }
        return openIfUseful()
    }

    private mutating func hand(over connection: ConnectionID) -> Action {
        guard let waiter = waiters.popFirst() else {
            idle.append(connection)
            return .wait
        }
        leased.insert(connection)
        return .lease(connection, to: waiter)
    }

    /// One connection is opened for each waiter that none is being opened for yet.
    private mutating func openIfUseful() -> Action {
        guard !isBackingOff, opening < waiters.count, total < maximumConnections else { return .wait }
        opening += 1
        return .open
    }
}

/// First in, first out, with removal from the middle in constant time.
private struct WaiterQueue {
    private var order: [UInt64] = []
    private var head = 0
    private var present: Set<UInt64> = []

    var count: Int { present.count }

    mutating func append(_ waiter: UInt64) {
        // Waiters that gave up stay in the order until it is mostly made of them.
        if order.count > 2 * present.count + 1_024 {
            order = order[head...].filter(present.contains)
            head = 0
        }
        order.append(waiter)
        present.insert(waiter)
    }

    mutating func remove(_ waiter: UInt64) {
        present.remove(waiter)
        if present.isEmpty { clear() }
    }

    mutating func popFirst() -> UInt64? {
        while head < order.count {
            let waiter = order[head]
            head += 1
            if present.remove(waiter) != nil {
                if present.isEmpty { clear() } else if head > 1_024 { compact() }
                return waiter
            }
        }
        clear()
        return nil
    }

    private mutating func clear() {
        order.removeAll(keepingCapacity: order.count < 4_096)
        head = 0
    }

    private mutating func compact() {
        order.removeFirst(head)
        head = 0
    }
}
