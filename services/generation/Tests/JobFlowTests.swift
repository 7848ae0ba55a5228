import Concurrency
import Contracts
import Cryptography
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import GenerationService

/// Jobs from quote to stored result, over HTTP, against scripted neighbours.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct JobFlowTests {
    @Test func `a free picture runs from quote to result and is reported in order`() async throws {
        try await Bench.run { bench in
            let job = try await bench.start()
            #expect(job.state == .accepted && job.priceKopecks == 0)
            await bench.waitForFact(.jobSucceeded)
            #expect(bench.world.factKinds == [.jobAccepted, .jobRunning, .jobSucceeded])
            let done = try await bench.job(job.jobID)
            #expect(done.state == .succeeded && done.chargedKopecks == 0)
            let asset = try #require(done.assets.first)
            #expect(asset.width == 640 && asset.height == 480 && asset.mimeType == "image/png")
            #expect(asset.fileName == "z-image-1.png" && asset.sizeBytes == Int64(Samples.png.count))
            try await checkLink(of: asset.assetID, bench)
            let task = try #require(bench.world.now.tasks.first)
            #expect(
                task.model == "z-image" && task.input["aspect_ratio"] == "1:1" && task.input["nsfw_checker"] == true
            )
            #expect(task.callbackURL.hasPrefix("https://bot.example.org/webhooks/kie/"))
            let charge = try #require(bench.world.now.charges.values.first)
            #expect(charge.amountKopecks == 0 && charge.providerCostMicrodollars == 4_000)
            let row = try await bench.row(job.jobID)
            try await eventually("the end is not marked as reported") {
                try await ScratchDatabase.current.database.query(
                    "select 1 from job where job_id = \(row.jobID.uuid) and reported_at is not null"
                ).count == 1
            }
        }
    }

    @Test func `a refusal by the provider releases the hold and tells why`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.endings = [("400", "Content was flagged by the safety system.")] }
            let job = try await bench.start(5)
            await bench.waitForFact(.jobFailed)
            let done = try await bench.job(job.jobID)
            #expect(done.state == .failed && done.failure == .refused && done.chargedKopecks == 0)
            #expect(bench.world.now.releases.values.map(\.reason) == ["refused"])
            #expect(bench.world.now.charges.isEmpty && bench.world.now.tasks.count == 1)
        }
    }

    @Test func `a temporary failure is retried as a new task and then charged once`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.endings = [("500", "internal error, please try again later.")] }
            let job = try await bench.start(5)
            await bench.waitForFact(.jobSucceeded)
            #expect(
                bench.world.factKinds == [.jobAccepted, .jobRunning, .jobRetrying, .jobRunning, .jobSucceeded]
            )
            #expect(bench.world.now.tasks.count == 2)
            let tokens = Set(bench.world.now.tasks.map(\.callbackURL))
            #expect(tokens.count == 2, "every attempt has a token of its own")
            #expect(bench.world.now.charges[HoldID(job.jobID.uuid)]?.amountKopecks == 800)
            #expect(try await bench.job(job.jobID).attempt == 2)
        }
    }

    @Test func `an unreachable billing at the end delays the report, never doubles the charge`() async throws {
        try await Bench.run { bench in
            bench.world.edit { ($0.chargeTrouble, $0.factTrouble) = (1, 2) }
            let job = try await bench.start(5)
            await bench.waitForFact(.jobSucceeded)
            #expect(bench.world.now.chargeCalls == 2 && bench.world.now.charges.count == 1)
            #expect(try await bench.job(job.jobID).chargedKopecks == 800)
        }
    }

    @Test func `a hold that has expired gives the result away`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.chargeProblem = Problem(.holdExpired) }
            let job = try await bench.start(5)
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).chargedKopecks == 0)
        }
    }

    @Test func `only results that exist are charged`() async throws {
        try await Bench.run { bench in
            bench.world.edit { state in
                state.endsAtOnce = false
                state.fileStatus = ["b.mp3": 404, "b.mp3.fresh": 410]
                state.files = ["a.mp3": Array("ID3".utf8) + [UInt8](repeating: 0, count: 40)]
            }
            let job = try await bench.start(23, ["prompt": "песня о море"])
            await eventually { !bench.world.now.tasks.isEmpty }
            let url = bench.world.url
            bench.world.edit { $0.tasks[0].urls = ["\(url)/files/a.mp3", "\(url)/files/b.mp3"] }
            bench.world.end()
            await bench.waitForFact(.jobSucceeded)
            let done = try await bench.job(job.jobID)
            #expect(done.assets.count == 1 && done.chargedKopecks == done.priceKopecks / 2)
        }
    }

    @Test func `pictures that were ordered and not made are not charged`() async throws {
        try await Bench.run(["ATELIER_SELL_UNTRIED_MODELS": "1"]) { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let job = try await bench.start(47, ["prompt": "лиса", "n": 4])
            await eventually { !bench.world.now.tasks.isEmpty }
            let url = bench.world.url
            bench.world.edit { $0.tasks[0].urls = (1...3).map { "\(url)/files/\($0).png" } }
            bench.world.end()
            await bench.waitForFact(.jobSucceeded)
            let done = try await bench.job(job.jobID)
            #expect(bench.world.now.tasks[0].input["n"] == 4 && done.assets.count == 3)
            #expect(done.priceKopecks > 0 && done.chargedKopecks == done.priceKopecks * 3 / 4)
            #expect(bench.world.now.facts.last?.job?.chargedKopecks == done.chargedKopecks, "conversation is told")
        }
    }

    @Test func `a success whose files come late is waited for, however often the task was read before`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let job = try await bench.start(5)
            await eventually { (bench.world.now.tasks.first?.polls ?? 0) >= 4 }
            let seen = bench.world.state.withLock { state in
                state.tasks[0].state = "success"
                return state.tasks[0].polls
            }
            await eventually { bench.world.now.tasks[0].polls > seen }
            bench.world.end()
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).assets.count == 1)
        }
    }

    @Test func `a success without files ends in the end`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.endsAtOnce = false }
            let job = try await bench.start(5)
            await eventually { !bench.world.now.tasks.isEmpty }
            bench.world.edit { $0.tasks[0].state = "success" }
            await bench.waitForFact(.jobFailed)
            #expect(try await bench.job(job.jobID).failure == .unknown && bench.world.now.tasks[0].polls >= 4)
        }
    }

    @Test func `a result address that has expired is asked for anew`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.fileStatus = ["task1.png": 403] }
            let job = try await bench.start()
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).assets.count == 1)
        }
    }

    @Test func `a result address inside our own network is refused`() async throws {
        try await Bench.run(["ATELIER_ALLOW_PRIVATE_RESULT_HOSTS": "0"]) { bench in
            let job = try await bench.start(5)
            await bench.waitForFact(.jobFailed)
            #expect(try await bench.job(job.jobID).failure == .provider)
            #expect(bench.world.now.charges.isEmpty && bench.world.now.releases.count == 1)
        }
    }

    @Test func `an error page instead of a picture is not stored`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.files["task1.png"] = Array("<html>busy</html>".utf8) }
            let job = try await bench.start(5)
            try await eventually { try await attemptTries(job.jobID) > 0 }
            bench.world.edit { $0.files["task1.png"] = Samples.png }
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).assets.first?.mimeType == "image/png")
        }
    }

    private func attemptTries(_ id: JobID) async throws -> Int {
        try await ScratchDatabase.current.database.query("select store_tries from attempt where job_id = \(id.uuid)")
            .first
            .map { try $0.get("store_tries") } ?? 0
    }

    @Test func `a user's photo goes from Telegram through the asset store to the provider, once`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.telegramFiles = ["photo-1": Samples.jpeg] }
            let photo = MediaReference(telegramFileID: "photo-1", kind: .image, sizeBytes: 27)
            for number in 1...2 {
                _ = try await bench.start(4, ["prompt": "сделай зиму"], media: ["image_url": [photo]])
                await eventually { bench.world.factKinds.count { $0 == .jobSucceeded } == number }
            }
            #expect(bench.world.now.telegramFetches == 1)
            let uploads = bench.world.now.uploads
            #expect(uploads.count == 1 && uploads[0].name.hasSuffix(".jpg") && uploads[0].name.count == 24)
            let addresses = Set(bench.world.now.tasks.compactMap { $0.input["image_url"]?.string })
            #expect(addresses == ["\(bench.world.url)/uploads/\(uploads[0].name)"])
        }
    }

    @Test func `a photo that Telegram no longer has ends the job and gives the money back`() async throws {
        try await Bench.run { bench in
            let photo = MediaReference(telegramFileID: "gone", kind: .image)
            let job = try await bench.start(14, ["prompt": "оживи"], media: ["image_urls": [photo]])
            await bench.waitForFact(.jobFailed)
            #expect(try await bench.job(job.jobID).failure == .inputUnavailable)
            #expect(bench.world.now.tasks.isEmpty && bench.world.now.releases.count == 1)
        }
    }

    @Test func `an earlier result can be an input, for its own user only`() async throws {
        try await Bench.run { bench in
            let first = try await bench.start()
            await bench.waitForFact(.jobSucceeded)
            let asset = try #require(try await bench.job(first.jobID).assets.first)
            let input = MediaReference(assetID: asset.assetID, kind: .image)
            _ = try await bench.start(21, [:], media: ["image": [input]])
            await eventually { bench.world.factKinds.count { $0 == .jobSucceeded } == 2 }
            #expect(bench.world.now.tasks[1].model == "recraft/crisp-upscale")
            await #expect {
                try await bench.quote(21, [:], media: ["image": [input]], user: 8)
            } throws: { error in
                (error as? CallError)?.problem?.code == .invalidInputs
            }
        }
    }

    @Test func `without credits at the provider the key rests and the job fails politely`() async throws {
        try await Bench.run { bench in
            bench.world.edit { $0.creations = [.refused(code: 402, text: "Credits insufficient")] }
            let job = try await bench.start()
            await eventually { bench.world.now.creations.isEmpty }
            try await eventually {
                try await bench.row(job.jobID).progress.postponements == 1
            }
            let keys = try #require(ProviderKeys(["first-key"]))
            let (pool, now) = try await KeyStore(database: ScratchDatabase.current.database, keys: keys).pool()
            #expect(try #require(pool.accounts[keys.names[0]]?.pausedUntil) > now + .seconds(20))
            #expect(pool.keys[0].spentMicrodollars == 0)
            #expect(try await bench.job(job.jobID).state == .accepted)
        }
    }

    /// Whoever holds the public key can tell that generation made the link; a second call gives the same one.
    private func checkLink(of asset: AssetID, _ bench: Bench) async throws {
        let delivery = bench.service.client(as: .delivery)
        let made = try await delivery.call(GetAssetLink.self, parameters: .init(assetID: asset))
        let again = try await delivery.call(GetAssetLink.self, parameters: .init(assetID: asset))
        #expect(again == made)
        #expect(made.url.hasPrefix("https://bot.example.org/files/"))
        let link = try #require(FileLink(made.url.split(separator: "/").last ?? ""))
        #expect(link.asset == asset && link.expiresAt == made.expiresAt)
        let message = FileLink.signedMessage(asset: asset, expiresAt: made.expiresAt)
        #expect(Bench.signingKey.publicKey.isValid(link.signature, for: message))
        let week = Duration.seconds(7 * 86_400)
        #expect(made.expiresAt >= WallClock.system.now + week - .seconds(10))
        #expect(made.expiresAt <= WallClock.system.now + week + .seconds(3_600))
    }
}
