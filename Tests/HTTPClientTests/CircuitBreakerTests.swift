import HTTPClient
import Testing
import Time

@Suite struct CircuitBreakerTests {
    private func breaker(failures: Int = 3) -> CircuitBreaker {
        var policy = CircuitBreaker.Policy()
        policy.failuresToOpen = failures
        policy.firstPause = .seconds(2)
        policy.longestPause = .seconds(6)
        return CircuitBreaker(policy)
    }

    private func at(_ seconds: UInt64) -> Deadline { Deadline(nanoseconds: seconds * 1_000_000_000) }

    @Test func `failures in a row open it and a success between them does not count`() {
        var breaker = breaker()
        breaker.failed(now: at(0))
        breaker.failed(now: at(0))
        breaker.succeeded()
        breaker.failed(now: at(1))
        breaker.failed(now: at(1))
        #expect(breaker.admit(now: at(1)) == .allow)
        breaker.failed(now: at(1))
        #expect(breaker.isOpen)
        #expect(breaker.admit(now: at(2)) == .refuse(until: at(3)))
    }

    @Test func `after the pause one probe passes and the next waits for its outcome`() {
        var breaker = breaker(failures: 1)
        breaker.failed(now: at(0))
        #expect(breaker.admit(now: at(2)) == .allow)
        #expect(breaker.admit(now: at(2)) == .refuse(until: at(4)))
        breaker.succeeded()
        #expect(!breaker.isOpen)
        #expect(breaker.admit(now: at(2)) == .allow)
    }

    @Test func `a failed probe doubles the pause up to the cap`() {
        var breaker = breaker(failures: 1)
        breaker.failed(now: at(0))
        #expect(breaker.admit(now: at(2)) == .allow)
        breaker.failed(now: at(2))
        #expect(breaker.admit(now: at(5)) == .refuse(until: at(6)))
        #expect(breaker.admit(now: at(6)) == .allow)
        breaker.failed(now: at(6))
        #expect(breaker.admit(now: at(11)) == .refuse(until: at(12)))
    }

    @Test func `a probe that never reports does not keep it shut for ever`() {
        var breaker = breaker(failures: 1)
        breaker.failed(now: at(0))
        #expect(breaker.admit(now: at(2)) == .allow)
        #expect(breaker.admit(now: at(4)) == .allow)
    }

    @Test func `a straggler's failure while open changes nothing`() {
        var breaker = breaker(failures: 1)
        breaker.failed(now: at(0))
        breaker.failed(now: at(1))
        #expect(breaker.admit(now: at(2)) == .allow)
    }
}
