import DeliveryService
import Testing
import Time

@Suite struct PaceTests {
    private func at(_ seconds: Double) -> Timestamp { Timestamp(microseconds: Int64(seconds * 1e6)) }

    /// When each of `count` messages goes if all want to go at once.
    private func departures(_ pace: Pace, _ count: Int) -> [Double] {
        var arrival = at(0)
        var now = at(1_000)
        return (0..<count).map { _ in
            now = now + pace.wait(arrival: arrival, now: now)
            arrival = pace.take(arrival: arrival, now: now)
            return (now - at(1_000)).inSeconds
        }
    }

    @Test func `a private chat gets five at once and then one a second`() {
        #expect(departures(.privateChat, 8) == [0, 0, 0, 0, 0, 1, 2, 3])
    }

    @Test func `a group never gets more than twenty in a minute`() {
        let times = departures(.group, 60)
        for start in times.indices {
            #expect(times[start...].prefix { $0 < times[start] + 60 }.count <= 20)
        }
        #expect(times[1] == 0)
    }

    @Test func `a rest fills the burst up again, and no more than that`() {
        let pace = Pace.privateChat
        let arrival = pace.take(arrival: at(0), now: at(10))
        #expect(pace.wait(arrival: arrival, now: at(500)) == .zero)
        #expect(pace.take(arrival: arrival, now: at(500)) == at(501))
    }

    @Test func `negative chat ids are groups`() {
        #expect(Pace.of(-100) == .group)
        #expect(Pace.of(100) == .privateChat)
    }

    @Test func `the bot slows down by a quarter for each complaint and recovers by a percent a minute`() {
        var pace = BotPace(perSecond: 25)
        #expect(pace.interval(at: at(0)) == .milliseconds(40))
        pace.complained(at: at(0))
        #expect(pace.slowness(at: at(30)) == 1.25)
        #expect(pace.slowness(at: at(60)) == 1.25 * 0.99)
        #expect(pace.slowness(at: at(86_400)) == 1)
        for _ in 0..<100 { pace.complained(at: at(0)) }
        #expect(pace.slowness == BotPace.maximumSlowness)
    }

    @Test func `floods of one chat are the chat's, of three chats at once the bot's`() {
        var watch = FloodWatch()
        #expect(watch.flooded(1, at: at(0)) == .chat)
        #expect(watch.flooded(1, at: at(1)) == .chat)
        #expect(watch.flooded(1, at: at(2)) == .chat)
        #expect(watch.flooded(2, at: at(3)) == .chat)
        #expect(watch.flooded(3, at: at(4)) == .bot)
        #expect(watch.flooded(4, at: at(100)) == .chat)
    }
}
