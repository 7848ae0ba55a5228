import Configuration
import Contracts
import Cryptography
import Foundation
import HTTP
import HTTPClient
import Postgres
import ServiceKit
import Telemetry
import TestSupport
import Testing
import Time

@testable import GenerationService

/// Assets in an S3-compatible store that checks every signature.
@Suite(.serialized, .scratchDatabase(migrations: "services/generation/migrations"))
struct BucketTests {
    private func run(
        _ environment: [String: String] = [:],
        _ body: (Bench, FakeS3) async throws -> Void
    ) async throws {
        let store = try await FakeS3.start()
        let settings = [
            "ATELIER_S3_URL": store.url, "ATELIER_S3_BUCKET": FakeS3.bucket, "ATELIER_S3_REGION": "test-1",
            "ATELIER_S3_ACCESS_KEY": FakeS3.accessKey, "ATELIER_S3_SECRET_KEY": FakeS3.secretKey.text,
        ]
        do {
            try await Bench.run(settings.merging(environment) { $1 }) { try await body($0, store) }
        } catch {
            await store.stop()
            throw error
        }
        await store.stop()
    }

    private func get(_ id: AssetID, _ bench: Bench, _ fields: HTTPFields = [:]) async throws -> ClientResponse {
        var fields = fields
        fields["Authorization"] = "Bearer delivery-token"
        return try await bench.service.runner.context.http.send(
            ClientRequest(
                url: "\(bench.service.url)/v1/assets/\(id)",
                fields: fields,
                maximumResponseBytes: 16 << 20
            )
        )
    }

    @Test func `a result lies in the bucket and is served from there, whole and in parts`() async throws {
        try await run { bench, store in
            // Larger than what one reader is given at a time.
            let picture = Samples.png + (0..<9_000_000).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ $0 >> 9) }
            bench.world.edit { $0.files["task1.png"] = picture }
            let job = try await bench.start()
            await bench.waitForFact(.jobSucceeded)
            let asset = try #require(try await bench.job(job.jobID).assets.first)
            let key = "atelier/\(asset.assetID.description.suffix(2))/\(asset.assetID)"
            #expect(store.objects[key] == picture)
            let whole = try await get(asset.assetID, bench)
            #expect(whole.status == 200 && whole.body == picture && whole.fields["Content-Type"] == "image/png")
            #expect(whole.fields["Content-Length"] == String(picture.count))
            let part = try await get(asset.assetID, bench, ["Range": "bytes=100-5000000"])
            #expect(part.status == 206 && part.body == Array(picture[100...5_000_000]))
            #expect(part.fields["Content-Range"] == "bytes 100-5000000/\(picture.count)")
            store.lose(key)
            #expect(try await get(asset.assetID, bench).status == 404)
            store.refuse(500)
            #expect(try await get(asset.assetID, bench).status == 503)
        }
    }

    @Test func `a store that is away for a moment costs a pause and no result`() async throws {
        try await run { bench, store in
            store.refuse(500, 403)
            let job = try await bench.start()
            await bench.waitForFact(.jobSucceeded)
            #expect(try await bench.job(job.jobID).chargedKopecks == job.priceKopecks)
            #expect(store.objects.count == 1)
            #expect(!bench.service.log.lines.contains { $0.contains(FakeS3.secretKey.text) })
        }
    }

    @Test func `a user's photo passes through the bucket to the provider, and again for a late retry`() async throws {
        try await run { bench, store in
            bench.world.edit { $0.telegramFiles = ["photo-1": Samples.jpeg] }
            let photo = MediaReference(telegramFileID: "photo-1", kind: .image, sizeBytes: 27)
            for number in 1...2 {
                _ = try await bench.start(4, ["prompt": "сделай зиму"], media: ["image_url": [photo]])
                await eventually { bench.world.factKinds.count { $0 == .jobSucceeded } == number }
                // The provider's copy grows too old.
                try await ScratchDatabase.current.database.execute(
                    "update upload set uploaded_at = now() - interval '21 hours'"
                )
            }
            #expect(bench.world.now.telegramFetches == 1 && bench.world.now.uploads.count == 2)
            #expect(store.objects.values.contains(Samples.jpeg))
            #expect(store.objects.count == 3)
        }
    }

    @Test func `a link leads to the store where the outside reaches it`() async throws {
        try await run(["ATELIER_S3_PUBLIC_URL": "https://files.example.org"]) { bench, _ in
            let job = try await bench.start()
            await bench.waitForFact(.jobSucceeded)
            let asset = try #require(try await bench.job(job.jobID).assets.first)
            let delivery = bench.service.client(as: .delivery)
            let link = try await delivery.call(GetAssetLink.self, parameters: .init(assetID: asset.assetID))
            let again = try await delivery.call(GetAssetLink.self, parameters: .init(assetID: asset.assetID))
            #expect(link.url.hasPrefix("https://files.example.org/pictures/atelier/"))
            #expect(link.url.contains("X-Amz-Signature=") && link.url.contains("z-image-1.png"))
            #expect(again.url == link.url || again.expiresAt > link.expiresAt)
            #expect(link.expiresAt - WallClock.system.now > .seconds(6 * 86_400))
        }
    }

    @Test func `half a configuration is refused by name`() async throws {
        await #expect {
            try await Bench.run(["ATELIER_S3_URL": "http://127.0.0.1:9"]) { _ in }
        } throws: { error in
            "\(error)".contains("ATELIER_S3_BUCKET")
        }
    }
}
