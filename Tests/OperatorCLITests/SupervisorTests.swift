import LocalSystem
import ProofKit
import Testing

@testable import OperatorCLI

@Suite struct SupervisorTests {
    private static let children = [
        Supervisor.Child(name: "postgres", tier: 0, grace: .seconds(30)),
        Supervisor.Child(name: "billing", tier: 1, grace: .seconds(15)),
        Supervisor.Child(name: "sandbox", tier: 1, grace: .seconds(15)),
    ]

    /// With everything running since second 0.
    private func running() -> Supervisor {
        var supervisor = Supervisor(Self.children)
        _ = supervisor.handle(.bringUp(tier: 0), now: .zero)
        _ = supervisor.handle(.bringUp(tier: 1), now: .zero)
        return supervisor
    }

    @Test func `a tier is started once`() {
        var supervisor = Supervisor(Self.children)
        #expect(supervisor.handle(.bringUp(tier: 0), now: .zero) == [.start("postgres")])
        #expect(supervisor.handle(.bringUp(tier: 0), now: .zero) == [])
        #expect(supervisor.handle(.bringUp(tier: 1), now: .zero) == [.start("billing"), .start("sandbox")])
    }

    @Test func `a child that dies comes back after a pause that doubles up to ten seconds`() {
        var supervisor = running()
        var now = Duration.zero
        var pauses: [Duration] = []
        for _ in 0..<8 {
            guard
                case .report("billing", .killed(signal: 9), let pause)? =
                    supervisor.handle(.exited("billing", .killed(signal: 9)), now: now).first
            else { Issue.record("no report"); return }
            pauses.append(pause)
            #expect(supervisor.handle(.tick, now: now + pause - .milliseconds(1)) == [])
            now += pause
            #expect(supervisor.handle(.tick, now: now) == [.start("billing")])
        }
        #expect(
            pauses == [
                .milliseconds(200), .milliseconds(400), .milliseconds(800), .milliseconds(1_600),
                .milliseconds(3_200), .milliseconds(6_400), .seconds(10), .seconds(10),
            ]
        )
        #expect(supervisor.restarts == ["billing": 8])
    }

    @Test func `a child that ran well starts over with the shortest pause`() {
        var supervisor = running()
        _ = supervisor.handle(.exited("billing", .exited(1)), now: .seconds(1))
        _ = supervisor.handle(.tick, now: .seconds(2))
        let actions = supervisor.handle(.exited("billing", .exited(1)), now: .seconds(40))
        #expect(actions == [.report("billing", .exited(1), pause: .milliseconds(200))])
    }

    @Test func `stopping goes tier by tier and ends with the database`() {
        var supervisor = running()
        #expect(supervisor.handle(.stop, now: .seconds(5)) == [.terminate("billing"), .terminate("sandbox")])
        #expect(supervisor.handle(.exited("sandbox", .exited(0)), now: .seconds(6)) == [])
        #expect(supervisor.handle(.exited("billing", .exited(0)), now: .seconds(6)) == [.terminate("postgres")])
        #expect(supervisor.handle(.exited("postgres", .exited(0)), now: .seconds(7)) == [.finish])
        #expect(supervisor.handle(.tick, now: .seconds(99)) == [])
    }

    @Test func `who does not stop in time is killed once`() {
        var supervisor = running()
        _ = supervisor.handle(.stop, now: .zero)
        #expect(supervisor.handle(.tick, now: .seconds(14)) == [])
        #expect(supervisor.handle(.tick, now: .seconds(15)) == [.kill("billing"), .kill("sandbox")])
        #expect(supervisor.handle(.tick, now: .seconds(16)) == [])
    }

    @Test func `a second stop changes nothing`() {
        var supervisor = running()
        _ = supervisor.handle(.stop, now: .zero)
        #expect(supervisor.handle(.stop, now: .seconds(1)) == [])
    }

    @Test func `a child in its pause is not started while stopping`() {
        var supervisor = running()
        _ = supervisor.handle(.exited("billing", .exited(1)), now: .zero)
        #expect(supervisor.handle(.stop, now: .zero) == [.terminate("sandbox")])
        #expect(supervisor.handle(.tick, now: .seconds(5)) == [])
        #expect(supervisor.handle(.exited("sandbox", .exited(0)), now: .seconds(5)) == [.terminate("postgres")])
    }

    @Test func `stopping before anything runs ends at once, and nothing starts afterwards`() {
        var supervisor = Supervisor(Self.children)
        #expect(supervisor.handle(.stop, now: .zero) == [.finish])
        #expect(supervisor.handle(.bringUp(tier: 0), now: .zero) == [])
    }

    @Test func `the database dying during the stop of the services does not hold it up`() {
        var supervisor = running()
        _ = supervisor.handle(.stop, now: .zero)
        #expect(supervisor.handle(.exited("postgres", .exited(1)), now: .zero) == [])
        _ = supervisor.handle(.exited("billing", .exited(0)), now: .zero)
        #expect(supervisor.handle(.exited("sandbox", .exited(0)), now: .zero) == [.finish])
    }

    @Test(arguments: 0..<20)
    func `no walk through events leaves a process behind or starts one twice`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var supervisor = Supervisor(Self.children)
        var alive: Set<String> = []
        var now = Duration.zero
        var finished = false
        func apply(_ actions: [Supervisor.Action]) {
            for action in actions {
                switch action {
                case .start(let name): #expect(alive.insert(name).inserted, "started twice, seed \(seed)")
                case .terminate(let name), .kill(let name): #expect(alive.contains(name), "seed \(seed)")
                case .report(let name, _, _): #expect(!alive.contains(name), "seed \(seed)")
                case .finish:
                    #expect(alive.isEmpty, "seed \(seed)")
                    finished = true
                }
            }
        }
        for step in 0..<400 {
            now += .milliseconds(Int64(random.next() % 2_000))
            switch random.next() % 5 {
            case 0: apply(supervisor.handle(.bringUp(tier: Int(random.next() % 2)), now: now))
            case 1, 2:
                if let name = alive.sorted().randomElement(using: &random) {
                    alive.remove(name)
                    apply(supervisor.handle(.exited(name, .exited(1)), now: now))
                }
            default: apply(supervisor.handle(step == 300 ? .stop : .tick, now: now))
            }
            if step == 300 { apply(supervisor.handle(.stop, now: now)) }
        }
        for name in alive.sorted() + alive.sorted() where alive.remove(name) != nil {
            apply(supervisor.handle(.exited(name, .exited(0)), now: now))
        }
        while let name = alive.sorted().first {
            alive.remove(name)
            apply(supervisor.handle(.exited(name, .exited(0)), now: now))
        }
        #expect(finished, "seed \(seed)")
    }
}
