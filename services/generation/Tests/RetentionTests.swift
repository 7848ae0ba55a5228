import Configuration
import Contracts
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// Files have an end: by age, and on their user's wish.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct RetentionTests {
    private var database: Database { ScratchDatabase.current.database }

    private func rows(_ sql: SQL) async throws -> Int { try await database.query(sql)[0].decode(Int.self) }

    private func erase(_ bench: Bench, _ user: UserID = Bench.user) async throws -> EraseUser.Output {
        try await bench.service.client(as: .operator)
            .call(EraseUser.self, parameters: .init(userID: user), key: "erase:\(UUID())")
    }

    @Test func `a result that is too old goes with its bytes, a younger one stays`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/retention-\(UUID().uuidString)"
        try await Bench.run(["ATELIER_ASSETS": folder, "ATELIER_RESULT_RETENTION": "3d"]) { bench in
            var jobs: [JobID] = []
            for number in 1...2 {
                jobs.append(try await bench.start().jobID)
                await eventually { bench.world.factKinds.count { $0 == .jobSucceeded } == number }
            }
            let old = try #require(try await bench.job(jobs[0]).assets.first)
            let file = "\(folder)/\(old.assetID.description.suffix(2))/\(old.assetID)"
            #expect(FileManager.default.fileExists(atPath: file))
            try await database.execute(
                "update asset set used_at = now() - interval '73 hours' where asset_id = \(old.assetID)"
            )
            try await Bench.run(bench.world, ["ATELIER_ASSETS": folder, "ATELIER_RESULT_RETENTION": "3d"]) { second in
                await eventually(within: .seconds(20)) { !FileManager.default.fileExists(atPath: file) }
                #expect(try await second.job(jobs[0]).state == .succeeded)
                #expect(try await second.job(jobs[0]).assets.isEmpty)
                #expect(try await second.job(jobs[1]).assets.count == 1)
                try await eventually(within: .seconds(20)) { try await rows("select count(*) from asset_removal") == 0 }
            }
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    @Test func `quotes that ended long ago go at once, however many they are`() async throws {
        try await database.execute(
            """
            insert into quote (quote_id, key, fingerprint, user_id, model_number, inputs, price_kopecks, variant,
                provider_microdollars, answer, expires_at)
            select gen_random_uuid(), 'old:' || n, '', 7, 5, '{}', 800, '1K', 40000, '{}', now() - interval '2 days'
            from generate_series(1, 2500) n
            """
        )
        try await Bench.run { _ in
            try await eventually(within: .seconds(20)) { try await rows("select count(*) from quote") == 0 }
        }
    }

    @Test func `an input lives on when it is used, and is fetched anew when it was let go`() async throws {
        try await Bench.run(["ATELIER_INPUT_RETENTION": "1d"]) { bench in
            bench.world.edit { $0.telegramFiles = ["photo-1": Samples.jpeg] }
            let photo = MediaReference(telegramFileID: "photo-1", kind: .image, sizeBytes: 27)
            func run(_ number: Int) async throws {
                _ = try await bench.start(4, ["prompt": "сделай зиму"], media: ["image_url": [photo]])
                await eventually { bench.world.factKinds.count { $0 == .jobSucceeded } == number }
            }
            try await run(1)
            try await database.execute("update asset set used_at = now() - interval '23 hours' where job_id is null")
            try await run(2)
            #expect(
                try await rows(
                    "select count(*) from asset where job_id is null and used_at > now() - interval '1 hour'"
                ) == 1
            )
            #expect(bench.world.now.telegramFetches == 1)
            try await database.execute("update asset set used_at = now() - interval '25 hours' where job_id is null")
            _ = try await AssetStore(database: database).expire(
                results: .seconds(86_400),
                inputs: .seconds(86_400),
                atMost: 10
            )
            #expect(try await rows("select count(*) from upload") == 0)
            try await run(3)
            #expect(bench.world.now.telegramFetches == 2)
        }
    }

    @Test func `a user's wish takes files, words and quotes, and nobody else's`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.telegramFiles = ["photo-1": Samples.jpeg] }
            let photo = MediaReference(telegramFileID: "photo-1", kind: .image, sizeBytes: 27)
            let mine = try await bench.start(4, ["prompt": "тайна"], media: ["image_url": [photo]])
            let theirs = try await bench.create(try await bench.quote(user: 8), user: 8)
            await eventually { bench.world.factKinds.count { $0 == .jobSucceeded } == 2 }
            let asset = try #require(try await bench.job(mine.jobID).assets.first)
            let erased = try await erase(bench)
            #expect(erased == EraseUser.Output(erasedAssets: 2, erasedJobs: 1, openJobs: 0))
            #expect(
                try await rows(
                    "select count(*) from job where user_id = 7 and (prompt is not null or inputs like '%тайна%')"
                ) == 0
            )
            #expect(try await rows("select count(*) from quote where user_id = 7") == 0)
            #expect(try await rows("select count(*) from asset where user_id = 7") == 0)
            #expect(try await bench.job(mine.jobID).chargedKopecks == mine.priceKopecks)
            let list = try await bench.conversation.call(ListJobs.self, parameters: .init(userID: 7))
            #expect(list.jobs.isEmpty)
            #expect(try await bench.job(theirs.jobID).assets.count == 1)
            #expect(try await rows("select count(*) from quote where user_id = 8") == 1)
            await #expect(throws: CallError.self) {
                try await bench.service.client(as: .delivery)
                    .call(GetAssetLink.self, parameters: .init(assetID: asset.assetID))
            }
            try await eventually(within: .seconds(20)) { try await rows("select count(*) from asset_removal") == 0 }
            #expect(try await erase(bench) == EraseUser.Output(erasedAssets: 0, erasedJobs: 0, openJobs: 0))
        }
    }

    @Test func `a job under way keeps its photo until it ends, then all goes`() async throws {
        try await Bench.run { bench in
            bench.world.edit { state in
                state.telegramFiles = ["photo-1": Samples.jpeg]
                state.endsAtOnce = false
            }
            let photo = MediaReference(telegramFileID: "photo-1", kind: .image, sizeBytes: 27)
            let job = try await bench.start(4, ["prompt": "тайна"], media: ["image_url": [photo]])
            await eventually(within: .seconds(20)) { bench.world.now.tasks.count == 1 }
            #expect(try await erase(bench).openJobs == 1)
            #expect(try await rows("select count(*) from asset where user_id = 7") == 1)
            bench.world.end()
            try await bench.wait(for: .succeeded, of: job.jobID)
            try await eventually(within: .seconds(20)) {
                try await rows("select count(*) from asset where user_id = 7") == 0
            }
            try await eventually(within: .seconds(20)) { try await rows("select count(*) from erasure") == 0 }
            #expect(try await rows("select count(*) from job where prompt is not null") == 0)
        }
    }

    @Test func `bytes that the store does not let go are asked for again`() async throws {
        let store = try await FakeS3.start()
        let settings = [
            "ATELIER_S3_URL": store.url, "ATELIER_S3_BUCKET": FakeS3.bucket, "ATELIER_S3_REGION": "test-1",
            "ATELIER_S3_ACCESS_KEY": FakeS3.accessKey, "ATELIER_S3_SECRET_KEY": FakeS3.secretKey.text,
        ]
        try await Bench.run(settings) { bench in
            _ = try await bench.start()
            await bench.waitForFact(.jobSucceeded)
            #expect(store.objects.count == 1)
            store.refuse(500)
            #expect(try await erase(bench).erasedAssets == 1)
            await eventually(within: .seconds(20)) { store.objects.isEmpty }
            #expect(store.calls.count { $0.hasPrefix("DELETE") } == 2)
            try await eventually(within: .seconds(20)) { try await rows("select count(*) from asset_removal") == 0 }
        }
        await store.stop()
    }

    @Test func `what a dead process left behind is swept, what is under way is not`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/leftovers-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: "\(folder)/0a", withIntermediateDirectories: true)
        let old: [FileAttributeKey: Any] = [.modificationDate: Date(timeIntervalSinceNow: -90_000)]
        for (name, isOld) in [("a.1.part", true), ("b.2.copy", true), ("c", true), ("d.3.part", false)] {
            _ = FileManager.default.createFile(
                atPath: "\(folder)/0a/\(name)",
                contents: Data([1]),
                attributes: isOld ? old : nil
            )
        }
        #expect(try await AssetFiles(root: folder).sweepLeftovers(olderThan: .seconds(86_400)) == 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/0a").sorted() == ["c", "d.3.part"])
    }

    @Test func `less than a day is refused`() async throws {
        await #expect {
            try await Bench.run(["ATELIER_INPUT_RETENTION": "1h"]) { _ in }
        } throws: { error in
            "\(error)".contains("ATELIER_INPUT_RETENTION")
        }
    }
}
