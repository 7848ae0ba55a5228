internal import Contracts
internal import Cryptography
internal import EventLoop
internal import LocalSystem
internal import ServiceKit
internal import Time

/// `atelier events`: looks at ingress' stored events and replays dead letters.
struct EventsCommand: Sendable {
    /// Pages of a list that are asked for at most: with none that fits, looking at 4,000,000 events ends the search.
    private static let maximumPages = 200

    let access: OperatorAccess

    /// - Returns: The exit code: 0 done, 1 refused, 2 wrong usage.
    func run(_ arguments: [String]) async throws -> Int32 {
        let words: EventsWords
        do {
            words = try EventsWords.read(arguments, now: WallClock.system.now)
        } catch {
            Console.complain("\(error)")
            return 2
        }
        if words == .help {
            Console.say(EventsWords.usage)
            return 0
        }
        return try await access.with(.ingress) { ingress in try await run(words, ingress) }
    }

    private func run(_ words: EventsWords, _ ingress: InternalClient) async throws -> Int32 {
        switch words {
        case .list(let parameters, let asJSON): try await list(parameters, asJSON, ingress)
        case .show(let id, let withBody):
            let found = try await ingress.call(GetEvent.self, parameters: .init(eventID: id, withBody: withBody))
            Console.say(EventsText.detail(found))
        case .replay(let ids): return await replay(ids, ingress)
        case .replayDead(let filter): try await replayDead(filter, ingress)
        case .help: break
        }
        return 0
    }

    /// Follows the pages until there are enough events.
    private func list(_ wanted: ListEvents.Parameters, _ asJSON: Bool, _ ingress: InternalClient) async throws {
        let limit = wanted.limit ?? 50
        var parameters = wanted
        var events: [EventRecord] = []
        var pages = 0
        repeat {
            parameters.limit = min(limit - events.count, 500)
            let page = try await ingress.call(ListEvents.self, parameters: parameters)
            events += page.events
            parameters.before = page.nextBefore
            pages += 1
        } while events.count < limit && parameters.before != nil && pages < Self.maximumPages
        if asJSON {
            for event in events { Console.say(String(decoding: try ContractJSON.encode(event), as: UTF8.self)) }
            return
        }
        Console.say(EventsText.table(events))
        if let next = parameters.before {
            Console.say(events.count < limit ? "\nThe search stopped at id \(next)." : "\nThere may be more.")
            Console.say("Go on with: --before \(next)")
        }
    }

    private func replay(_ ids: [Int64], _ ingress: InternalClient) async -> Int32 {
        var code: Int32 = 0
        for id in ids {
            do throws(CallError) {
                // A new key each time: whoever asks again after another death means it.
                let key = "replay:\(id):\(Hex.encode(secureRandom(8)))"
                let event = try await ingress.call(ReplayEvent.self, parameters: .init(eventID: id), key: key)
                Console.say("\(id): \(event.state.rawValue)")
            } catch {
                Console.complain("\(id): \(OperatorAccess.text(error))")
                code = 1
            }
        }
        return code
    }

    private func replayDead(_ filter: ReplayDeadLetters.Input, _ ingress: InternalClient) async throws {
        let run = Hex.encode(secureRandom(8))
        var total = 0
        var call = 0
        while true {
            call += 1
            let answer = try await ingress.call(ReplayDeadLetters.self, filter, key: "replay-dead:\(run):\(call)")
            total += answer.replayed
            guard answer.hasMore else { break }
        }
        Console.say("\(total) dead letter\(total == 1 ? "" : "s") will be dispatched once more.")
    }
}
