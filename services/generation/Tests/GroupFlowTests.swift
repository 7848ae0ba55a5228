import Contracts
import Foundation
import ModelCatalogue
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// Several jobs of one confirm, over HTTP, against scripted neighbours: one hold, each part settled by itself.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct GroupFlowTests {
    /// A model of 8 roubles whose runs are settled at their price.
    private static let picture = 5
    private static let animation = 14

    private static let chain = [NextStage(modelNumber: animation, inputs: ["prompt": "лиса бежит"])]

    @Test func `three runs have one hold and are charged one by one`() async throws {
        try await Bench.run { bench in
            let quote = try await bench.quote(Self.picture, copies: 3)
            #expect(quote.priceKopecks == 2_400 && quote.copies == 3 && quote.stages == nil)
            let group = try await bench.create(group: quote)
            #expect(group.parts.map(\.state) == [.accepted, .accepted, .accepted] && group.priceKopecks == 2_400)
            let done = try await bench.waitForEnd(of: group.groupID)
            #expect(done.chargedKopecks == 2_400 && done.parts.allSatisfy { $0.state == .succeeded })
            let world = bench.world.now
            let hold = try #require(world.holds[HoldID(group.groupID.uuid)])
            #expect(world.holds.count == 1 && hold.amountKopecks == 2_400)
            #expect(Set(world.charges.keys) == Set(group.parts.map { HoldID($0.jobID.uuid) }))
            #expect(
                world.charges.values.allSatisfy {
                    $0.amountKopecks == 800 && $0.part == HoldPart(partID: $0.jobID.description, amountKopecks: 800)
                }
            )
            #expect(world.facts.count { $0.kind == .jobAccepted } == 1, "one report says that all are accepted")
            let revisions = world.facts.compactMap { $0.group?.revision }
            #expect(revisions == revisions.sorted() && revisions.count == world.facts.count)
            #expect(world.facts.last?.group?.chargedKopecks == 2_400, "the last report knows of all others")
        }
    }

    @Test func `what gives no result is released by itself, and the report says how many there are`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.endings = [nil, ("400", "Content was flagged by the safety system."), nil] }
            let group = try await bench.create(group: try await bench.quote(Self.picture, copies: 3))
            let done = try await bench.waitForEnd(of: group.groupID)
            #expect(done.parts.map(\.state).count { $0 == .succeeded } == 2 && done.chargedKopecks == 1_600)
            let failed = try #require(done.parts.first { $0.state == .failed })
            #expect(failed.failure == .refused && failed.chargedKopecks == 0)
            let release = try #require(bench.world.now.releases[HoldID(failed.jobID.uuid)])
            #expect(release.part?.amountKopecks == 800 && bench.world.now.charges.count == 2)
        }
    }

    @Test func `a stage goes on with the result of the one before, under the same hold, extended`() async throws {
        try await Bench.run { bench in
            let quote = try await bench.quote(Self.picture, then: Self.chain)
            let stages = try #require(quote.stages)
            #expect(stages.map(\.modelNumber) == [Self.picture, Self.animation])
            #expect(quote.priceKopecks == stages.map(\.priceKopecks).reduce(0, +))
            let group = try await bench.create(group: quote)
            let done = try await bench.waitForEnd(of: group.groupID)
            #expect(done.parts.map(\.state) == [.succeeded, .succeeded] && done.chargedKopecks == quote.priceKopecks)
            let world = bench.world.now
            #expect(world.holds.count == 1 && world.tasks.count == 2 && world.extensions.count == 1)
            let hold = try #require(world.holds.values.first)
            #expect(try #require(world.extensions.first).expiresAt > hold.expiresAt)
            let picture = try await bench.job(group.parts[0].jobID)
            let row = try await bench.row(group.parts[1].jobID)
            #expect(row.inputs.media["image_urls"]?.map(\.assetID) == [picture.assets.first?.assetID])
            #expect(world.tasks[1].input["image_urls"]?.array?.count == 1, "the picture was brought to the provider")
            #expect(world.tasks.map { $0.input["prompt"] } == ["лиса", "лиса бежит"], "each stage has its own words")
            #expect(try await bench.job(group.parts[1].jobID).prompt == "лиса бежит" && done.prompt == "лиса")
            let listed = try await bench.conversation.call(ListJobs.self, parameters: .init(userID: Bench.user)).jobs
            #expect(
                listed.compactMap(\.group).map(\.stage).sorted() == [1, 2]
                    && listed.allSatisfy { $0.group?.groupID == group.groupID && $0.group?.stages == 2 }
            )
        }
    }

    @Test func `a failed stage keeps the later ones from starting and gives their money back`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.endings = [("400", "Content was flagged by the safety system.")] }
            let chain = Self.chain + [NextStage(modelNumber: 72)]
            let group = try await bench.create(group: try await bench.quote(Self.picture, then: chain))
            let done = try await bench.waitForEnd(of: group.groupID)
            #expect(
                done.parts.map(\.failure) == [.refused, .previousStage, .previousStage] && done.chargedKopecks == 0
            )
            #expect(bench.world.now.tasks.count == 1 && bench.world.now.charges.isEmpty)
            let released = bench.world.now.releases.values.compactMap(\.part?.amountKopecks).reduce(0, +)
            #expect(released == done.priceKopecks)
        }
    }

    @Test func `a stage whose hold has gone is not begun`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.extendProblem = Problem(.holdExpired) }
            let group = try await bench.create(group: try await bench.quote(Self.picture, then: Self.chain))
            let done = try await bench.waitForEnd(of: group.groupID)
            #expect(done.parts.map(\.state) == [.succeeded, .failed] && bench.world.now.tasks.count == 1)
        }
    }

    @Test func `a stage waits while billing does not know our token`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.extendProblem = Problem(.unauthenticated) }
            let group = try await bench.create(group: try await bench.quote(Self.picture, then: Self.chain))
            await eventually(within: .seconds(20)) { bench.world.now.extendRefusals > 0 }
            bench.world.edit { $0.extendProblem = nil }
            let done = try await bench.waitForEnd(of: group.groupID)
            #expect(done.parts.map(\.state) == [.succeeded, .succeeded])
        }
    }

    @Test func `cancelling gives back what the provider does not have`() async throws {
        try await Bench.run(["ATELIER_MAXIMUM_RUNNING_JOBS": "1"]) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let group = try await bench.create(group: try await bench.quote(Self.picture, copies: 3, then: Self.chain))
            await eventually("no task") { bench.world.now.tasks.count == 1 }
            let cancelled = try await bench.cancel(group.groupID)
            #expect(cancelled.parts.count { $0.state == .cancelled } == 5)
            #expect(
                try await bench.cancel(group.groupID).parts.count { $0.state == .cancelled } == 5,
                "again is the same"
            )
            bench.world.end()
            let done = try await bench.waitForEnd(of: group.groupID)
            #expect(done.chargedKopecks == 800 && done.parts.count { $0.state == .succeeded } == 1)
            #expect(bench.world.now.tasks.count == 1 && bench.world.now.releases.count == 5)
        }
    }

    @Test func `nothing is begun without money for all, and the refusal is remembered`() async throws {
        try await Bench.run { bench in
            bench.world.edit {
                $0.holdProblem = Problem(
                    .insufficientFunds,
                    members: ["shortage_kopecks": 900, "available_kopecks": 1_500]
                )
            }
            let quote = try await bench.quote(Self.picture, copies: 3)
            let id = GroupID()
            for _ in 0..<2 {
                await #expect { try await bench.create(group: quote, id: id) } throws: {
                    ($0 as? CallError)?.problem?.code == .insufficientFunds
                }
            }
            #expect(bench.world.now.holdCalls == 1 && bench.world.now.tasks.isEmpty)
            await #expect { try await bench.group(id) } throws: { ($0 as? CallError)?.problem?.code == .jobNotFound }
            #expect(
                try await bench.conversation.call(ListJobs.self, parameters: .init(userID: Bench.user)).jobs.isEmpty
            )
        }
    }

    @Test func `a group is made once, and its quote is for nothing else`() async throws {
        try await Bench.run { bench in
            let quote = try await bench.quote(Self.picture, copies: 2)
            await #expect { try await bench.create(quote) } throws: {
                ($0 as? CallError)?.problem?.code == .quoteNotFound
            }
            let id = GroupID()
            let first = try await bench.create(group: quote, id: id)
            let again = try await bench.create(group: quote, id: id)
            #expect(first.parts.map(\.jobID) == again.parts.map(\.jobID) && bench.world.now.holds.count == 1)
            let other = try await bench.quote(Self.picture, copies: 2)
            await #expect { try await bench.create(group: other, id: id) } throws: {
                ($0 as? CallError)?.problem?.code == .idempotencyMismatch
            }
        }
    }

    @Test func `died before the hold: a worker places it for all`() async throws {
        let world = try await World.start()
        world.edit { $0.holdTrouble = 1_000 }
        let id = GroupID()
        try await Bench.run(world) { bench in
            let quote = try await bench.quote(Self.picture, copies: 2, then: Self.chain)
            await #expect { try await bench.create(group: quote, id: id) } throws: {
                ($0 as? CallError)?.problem?.code == .unavailable
            }
        }
        world.edit { $0.holdTrouble = 0 }
        try await ScratchDatabase.current.database.execute(
            "update job set next_at = now() where next_at is not null"
        )
        try await Bench.run(world) { bench in
            let done = try await bench.waitForEnd(of: id)
            #expect(done.parts.allSatisfy { $0.state == .succeeded } && done.chargedKopecks == done.priceKopecks)
            #expect(world.now.holds.count == 1 && world.now.tasks.count == 4)
        }
        await world.stop()
    }

    /// Whether the limit of open jobs has no room for another run.
    private func isFull(_ bench: Bench) async throws -> Bool {
        do {
            _ = try await bench.start(Self.picture)
            return false
        } catch {
            guard error.problem?.code == .limitExceeded else { throw error }
            return true
        }
    }

    @Test func `a copy takes one place until its last stage has ended`() async throws {
        try await Bench.run(["ATELIER_MAXIMUM_OPEN_JOBS": "2"]) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let quote = try await bench.quote(Self.picture, copies: 2, then: Self.chain)
            let group = try await bench.create(group: quote)
            #expect(group.parts.count == 4, "two are open, two wait")
            await eventually(within: .seconds(20)) { bench.world.now.tasks.count == 2 }
            #expect(try await isFull(bench), "the first stages have the places")
            // Billing keeps the second stages from beginning.
            bench.world.edit { $0.extendProblem = Problem(.unavailable) }
            for index in 0..<2 { bench.world.end(index) }
            try await eventually(within: .seconds(20)) {
                try await bench.group(group.groupID).parts.count { $0.chargedKopecks != nil } == 2
            }
            #expect(try await isFull(bench), "nobody takes a place between two stages")
            bench.world.edit { $0.extendProblem = nil }
            await eventually(within: .seconds(20)) { bench.world.now.tasks.count == 4 }
            #expect(try await isFull(bench), "the second stages have them")
            for index in 2..<4 { bench.world.end(index) }
            _ = try await bench.waitForEnd(of: group.groupID)
            #expect(try await !isFull(bench))
        }
    }

    @Test func `stages that wait take no place of other jobs`() async throws {
        try await Bench.run(["ATELIER_MAXIMUM_OPEN_JOBS": "3"]) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let chain = Self.chain + [NextStage(modelNumber: 72)]
            _ = try await bench.create(group: try await bench.quote(Self.picture, then: chain))
            #expect(try await !isFull(bench))
            #expect(try await !isFull(bench))
            #expect(try await isFull(bench))
        }
    }

    @Test func `the steps that keep a place are those of the index`() {
        let listed = "\(JobStore.openSteps)".split(whereSeparator: { "(', )\n".contains($0) }).map(String.init)
        #expect(listed == OpenPlaces.steps.map(\.rawValue))
        #expect(OpenPlaces.wanted(by: [1, 2, 1, 2, 1, 2]) == 3 && OpenPlaces.wanted(by: [nil]) == 1)
    }

    @Test func `all copies count against the limits at once`() async throws {
        try await Bench.run(["ATELIER_MAXIMUM_OPEN_JOBS": "2", "ATELIER_FREE_RUNS_PER_DAY": "2"]) { bench in
            for model in [1, Self.picture] {
                let quote = try await bench.quote(model, copies: 3)
                await #expect { try await bench.create(group: quote) } throws: {
                    ($0 as? CallError)?.problem?.code == .limitExceeded
                }
            }
            #expect(bench.world.now.holdCalls == 0)
            let group = try await bench.create(group: try await bench.quote(1, copies: 2))
            #expect(try await bench.waitForEnd(of: group.groupID).priceKopecks == 0)
        }
    }
}

extension Bench {
    fileprivate func quote(_ model: Int, copies: Int? = nil, then: [NextStage]? = nil) async throws(CallError) -> Quote
    {
        try await conversation.call(
            CreateQuote.self,
            CreateQuote.Input(
                userID: Self.user,
                modelNumber: model,
                inputs: ["prompt": "лиса"],
                copies: copies,
                then: then
            ),
            key: "quote:\(UUID())"
        )
    }

    fileprivate func create(group quote: Quote, id: GroupID = GroupID()) async throws(CallError) -> JobGroup {
        try await conversation.call(
            CreateGroup.self,
            CreateGroup.Input(groupID: id, quoteID: quote.quoteID, userID: Self.user, chatID: Self.user),
            key: "group:\(id)"
        )
    }

    fileprivate func group(_ id: GroupID) async throws(CallError) -> JobGroup {
        try await conversation.call(GetGroup.self, parameters: GroupParameters(groupID: id))
    }

    fileprivate func cancel(_ id: GroupID) async throws(CallError) -> JobGroup {
        try await conversation.call(
            CancelGroup.self,
            Empty(),
            parameters: GroupParameters(groupID: id),
            key: "cancel:\(UUID())"
        )
    }

    /// Waits until every job has ended and conversation knows of it.
    fileprivate func waitForEnd(of id: GroupID) async throws -> JobGroup {
        try await eventually(within: .seconds(30), "the group is not over") {
            // What is told first: a group whose hold is still to be placed can't be asked for.
            let told = world.now.facts.last { $0.group?.groupID == id }?.group
            guard told?.parts.allSatisfy({ $0.chargedKopecks != nil }) == true else { return false }
            return try await group(id).parts.allSatisfy { $0.chargedKopecks != nil }
        }
        return try await group(id)
    }
}
