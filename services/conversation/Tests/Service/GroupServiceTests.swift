import Contracts
import Foundation
import ServiceKit
import TestSupport
import Testing
import Time

@testable import ConversationService

/// Several runs of one confirm through the whole service, on a real database.
@Suite(.scratchDatabase(migrations: "services/conversation/migrations"))
struct GroupServiceTests {
    @Test func `three at once: one card, results by themselves, what is missing told once`() async throws {
        let world = try await World.start()
        try await ServiceTests().with(world) { chat, _ in
            _ = try await ServiceTests().compose(chat, world)
            try await chat.send(TelegramUser.press(10, try await ServiceTests().data("Сразу несколько", world)))
            // The composer's button speaks of ×3 too.
            _ = try await ServiceTests().data("Запустить", world)
            try await chat.send(TelegramUser.press(11, try await ServiceTests().data("×3", world)))
            let confirm = try await ServiceTests().data("Запустить · 42", world)
            for _ in 0..<2 { try await chat.send(TelegramUser.press(12, confirm)) }
            await eventually("no group") { world.createdGroups.count == 1 }
            let id = JobID(try #require(world.createdGroups.first).groupID.uuid)
            await eventually("a status card") { world.cards("job:\(id)").count == 1 }
            #expect(world.createdJobs.isEmpty)

            var group = Make.group(id, copies: 3, [.succeeded, .running, .running], revision: 4)
            try await chat.report(Make.fact(.jobSucceeded, part: 0, of: group, assets: [Make.asset()]))
            group.revision = 6
            (group.parts[1].state, group.parts[1].chargedKopecks, group.parts[1].failure) = (.failed, 0, .refused)
            try await chat.report(Make.fact(.jobFailed, part: 1, of: group))
            group.revision = 8
            (group.parts[2].state, group.parts[2].chargedKopecks, group.chargedKopecks) = (.succeeded, 1_400, 2_800)
            let last = Make.fact(.jobSucceeded, part: 2, of: group, assets: [Make.asset()])
            for _ in 0..<2 { try await chat.report(last) }

            let results = [0, 2].map { "job:\(group.parts[$0].jobID):result" }
            await eventually("results and summary") {
                world.messages.map(\.key) == [results[0], results[1], "job:\(id):summary:8"]
            }
            #expect(world.messages.last?.input.content.text.contains("Готово 2 из 3.") == true)
            await eventually("the card's last word") {
                world.cards("job:\(id)").last?.content.text.contains("14\u{A0}₽") == true
            }
            #expect(world.mismatches.isEmpty)
        }
    }
}
