import ProofKit
import Testing

@testable import Postgres

@Suite struct PoolStateTests {
    @Test func `a full queue refuses`() {
        var pool = PoolState(maximumConnections: 1, maximumWaiting: 1)
        #expect(pool.acquire(1) == [.open])
        #expect(pool.acquire(2) == [.refuse])
    }

    @Test func `a failure pauses before the next attempt, longer each time`() {
        var pool = PoolState(maximumConnections: 2, maximumWaiting: 10)
        #expect(pool.acquire(1) == [.open])
        #expect(pool.connectFailed() == .retry(attempt: 1))
        #expect(pool.acquire(2) == [.wait])
        #expect(pool.retryDue() == .open)
        #expect(pool.connectFailed() == .retry(attempt: 2))
        #expect(pool.retryDue() == .open)
        #expect(pool.connected(100) == .lease(100, to: 1))
        #expect(pool.failures == 0)
    }

    @Test func `callers are served in the order in which they came, and nobody overtakes`() {
        var pool = PoolState(maximumConnections: 1, maximumWaiting: 10)
        _ = pool.acquire(1)
        _ = pool.acquire(2)
        _ = pool.acquire(3)
        #expect(pool.connected(100) == .lease(100, to: 1))
        #expect(pool.acquire(4) == [.wait])
        #expect(pool.released(100) == .lease(100, to: 2))
        pool.abandon(3)
        #expect(pool.released(100) == .lease(100, to: 4))
        #expect(pool.released(100) == .wait)
        #expect(pool.acquire(5) == [.lease(100, to: nil)])
    }

    @Test func `a connection that breaks while callers wait is replaced`() {
        var pool = PoolState(maximumConnections: 1, maximumWaiting: 10)
        _ = pool.acquire(1)
        _ = pool.connected(100)
        _ = pool.acquire(2)
        #expect(pool.closed(100) == .open)
        #expect(pool.connected(101) == .lease(101, to: 2))
    }

    @Test func `an idle connection that breaks is forgotten`() {
        var pool = PoolState(maximumConnections: 1, maximumWaiting: 10)
        _ = pool.acquire(1)
        _ = pool.connected(100)
        _ = pool.released(100)
        #expect(pool.closed(100) == .wait)
        #expect(pool.acquire(2) == [.open])
    }

    @Test func `a random walk keeps the limits and serves everybody`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var pool = PoolState(maximumConnections: 3, maximumWaiting: 20)
        var leased: [UInt64: UInt64] = [:]  // Connection to caller.
        var waiting: [UInt64] = []
        var opening = 0
        var next: UInt64 = 0
        func apply(_ action: PoolState.Action) {
            switch action {
            case .open: opening += 1
            case .lease(let connection, let waiter?):
                #expect(waiting.first == waiter, "out of order, seed \(seed)")
                waiting.removeFirst()
                leased[connection] = waiter
            default: break
            }
        }
        for _ in 0..<5_000 {
            next += 1
            switch random.next() % 6 {
            case 0, 1:
                let actions = pool.acquire(next)
                if case .lease(let connection, nil)? = actions.first {
                    leased[connection] = next
                } else if actions != [.refuse] {
                    waiting.append(next)
                    actions.forEach(apply)
                }
            case 2:
                guard opening > 0 else { continue }
                opening -= 1
                apply(pool.connected(next))
            case 3:
                guard opening > 0 else { continue }
                opening -= 1
                apply(pool.connectFailed())
                apply(pool.retryDue())
            case 4:
                guard let connection = leased.keys.sorted().first else { continue }
                leased[connection] = nil
                apply(random.next() % 4 == 0 ? pool.closed(connection) : pool.released(connection))
            default:
                guard let index = waiting.indices.randomElement(using: &random) else { continue }
                pool.abandon(waiting.remove(at: index))
            }
            #expect(pool.idle.count + pool.leased.count + pool.opening <= 3, "seed \(seed)")
            #expect(pool.waitingCount == waiting.count, "seed \(seed)")
            #expect(pool.idle.isEmpty || waiting.isEmpty, "idle while somebody waits, seed \(seed)")
            #expect(waiting.isEmpty || pool.opening + pool.leased.count > 0, "nobody comes, seed \(seed)")
        }
    }
}

@Suite struct StatementCacheTests {
    @Test func `the least recently used statement makes room`() {
        var cache = StatementCache(capacity: 2)
        let keys = ["a", "b", "c"].map { StatementCache.Key(SQL(stringLiteral: $0)) }
        #expect(cache.use(keys[0]) == .missing(name: "s1", evicted: nil))
        #expect(cache.use(keys[1]) == .missing(name: "s2", evicted: nil))
        #expect(cache.use(keys[0]) == .found(name: "s1"))
        #expect(cache.use(keys[2]) == .missing(name: "s3", evicted: "s2"))
        #expect(cache.count == 2)
    }

    @Test func `a statement that could not be prepared is forgotten, its name never used again`() {
        var cache = StatementCache(capacity: 2)
        let key = StatementCache.Key("a")
        _ = cache.use(key)
        cache.forget(key)
        #expect(cache.use(key) == .missing(name: "s2", evicted: nil))
    }

    @Test func `the same text with other types is another statement`() {
        var cache = StatementCache(capacity: 4)
        _ = cache.use(StatementCache.Key("select \(Int64(1))"))
        #expect(cache.use(StatementCache.Key("select \("a")")) == .missing(name: "s2", evicted: nil))
    }
}
