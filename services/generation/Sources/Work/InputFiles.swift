internal import Contracts
internal import Cryptography
internal import Foundation
internal import HTTP
internal import HTTPClient
internal import ModelCatalogue
internal import ObjectStorage
internal import ServiceKit
internal import Telemetry
internal import Time

/// An input that can't be sent to the provider.
struct InputTrouble: Error {
    var reason: String
    /// Whether trying again is pointless.
    var isFinal: Bool
    /// The failure of the provider's key, if that is what is wrong.
    var keyFailure: ErrorClass?
}

/// Bringing the user's files to the provider: from Telegram through delivery into the asset store, from there up.
extension JobRunner {
    /// Files in flight for one job.
    private static let maximumTelegramBytes: Int64 = 20 << 20
    /// Seconds that two ways of measuring a clip may differ by.
    private static let lengthTolerance = 1.5

    /// The provider's `input`: the user's values, the model's fixed ones, and the addresses of uploaded files.
    ///
    /// - Throws: `InputTrouble`, or trouble with the database.
    func providerInput(of job: JobRow, _ entry: ModelEntry, key: String) async throws -> [String: JSONValue] {
        var input = job.inputs.values
        for facts in entry.inputs {
            guard let files = job.inputs.media[facts.input.name], !files.isEmpty else { continue }
            var urls: [JSONValue] = []
            for file in files { urls.append(.string(try await url(of: file, facts, job, key: key))) }
            input[facts.input.name] = facts.input.kind == .file ? urls[0] : .array(urls)
        }
        return entry.request(input)
    }

    /// The assets of a job's inputs, as far as they are stored.
    func inputAssets(of job: JobRow) async throws -> [AssetID] {
        var ids: [AssetID] = []
        for file in job.inputs.media.values.joined() {
            if let id = file.assetID {
                ids.append(id)
            } else if let telegram = file.telegramFileID,
                let row = try await tools.assets.find(telegramFileID: telegram, of: job.userID)
            {
                ids.append(row.asset.assetID)
            }
        }
        return ids
    }

    private func url(of file: MediaReference, _ facts: InputFacts, _ job: JobRow, key: String) async throws -> String {
        if facts.sends == .task, let id = file.assetID {
            guard let origin = try await tools.assets.origin(of: id) else {
                throw InputTrouble(reason: "the task of asset \(id) is not known", isFinal: true)
            }
            return origin.taskID
        }
        let row = try await stored(file, job)
        try check(row.asset, facts, quoted: file.durationSeconds)
        if let url = try await tools.assets.upload(
            of: row.asset.assetID,
            key: key,
            notOlderThan: GenerationConfiguration.uploadAge
        ) {
            return url
        }
        do {
            let url = try await upload(row, key: key)
            // Not remembering only means another upload later.
            try? await tools.assets.recordUpload(of: row.asset.assetID, key: key, url: url)
            return url
        } catch let error as KIEClient.UploadFailed {
            let failure = error.failure?.errorClass
            let isFinal = failure == .invalidInput || failure == .refused
            throw InputTrouble(reason: "upload: \(error.reason)", isFinal: isFinal, keyFailure: failure)
        } catch is AssetFiles.Missing {
            throw InputTrouble(reason: "the bytes of asset \(row.asset.assetID) are gone", isFinal: true)
        } catch let error as ObjectStoreError {
            throw InputTrouble(reason: "\(error)", isFinal: false)
        }
    }

    private func upload(_ row: AssetRow, key: String) async throws -> String {
        let ending = MediaFacts.ending(ofMimeType: row.asset.mimeType)
        return try await tools.files.withLocal(row) { file in
            try await tools.kie.upload(
                file: file,
                name: "\(Base62.random(20)).\(ending)",
                mimeType: row.asset.mimeType,
                key: key
            )
        }
    }

    private func stored(_ file: MediaReference, _ job: JobRow) async throws -> AssetRow {
        if let id = file.assetID {
            guard let row = try await tools.assets.find(id), row.userID == job.userID else {
                throw InputTrouble(reason: "asset \(id) is not there", isFinal: true)
            }
            try await tools.assets.touch(id)
            return row
        }
        guard let telegram = file.telegramFileID else { throw InputTrouble(reason: "no file is named", isFinal: true) }
        if let row = try await tools.assets.find(telegramFileID: telegram, of: job.userID) {
            try await tools.assets.touch(row.asset.assetID)
            return row
        }
        return try await fetch(telegram, job)
    }

    /// Copies a file from Telegram into the asset store.
    private func fetch(_ telegram: String, _ job: JobRow) async throws -> AssetRow {
        let id = AssetID(now: tools.clock.now)
        let path = tools.files.path(of: id)
        try await tools.files.makeFolder(for: path)
        let route = RawRoute.telegramFile.replacing("{file_id}", with: percentEncode(telegram))
        let file: DownloadedFile
        do {
            file = try await tools.delivery.download(
                route,
                to: tools.files.absolute(path),
                maximumBytes: Self.maximumTelegramBytes
            )
        } catch {
            let isTooLarge = if case .unreachable(let cause) = error { cause.code == .responseTooLarge } else { false }
            throw InputTrouble(reason: "telegram file: \(error)", isFinal: isTooLarge || !error.isRetryable)
        }
        guard let facts = MediaFacts(try await tools.files.head(of: path)) else {
            await tools.files.remove(path)
            throw InputTrouble(reason: "the file is of no known type", isFinal: true)
        }
        let asset = Asset(
            assetID: id,
            kind: facts.kind,
            mimeType: facts.mimeType,
            sizeBytes: file.bytes,
            sha256: file.sha256 ?? "",
            width: facts.width,
            height: facts.height,
            durationSeconds: facts.seconds,
            fileName: "input.\(facts.ending)"
        )
        do throws(ObjectStoreError) {
            try await tools.files.keep(path, sha256: asset.sha256, bytes: file.bytes, mimeType: facts.mimeType)
        } catch {
            throw InputTrouble(reason: "\(error)", isFinal: false)
        }
        let row = AssetRow(asset: asset, userID: job.userID, path: path)
        try await tools.assets.insertInput(row, telegramFileID: telegram)
        // Another job of the user may have been faster with the same file; its row counts, and our bytes are nobody's.
        guard let known = try await tools.assets.find(telegramFileID: telegram, of: job.userID) else { return row }
        if known.path != row.path { try await tools.assets.discard(row.path) }
        return known
    }

    /// - Parameter quoted: The length that the price was made with, as Telegram told it.
    private func check(_ asset: Asset, _ facts: InputFacts, quoted: Double?) throws(InputTrouble) {
        let ending = MediaFacts.ending(ofMimeType: asset.mimeType)
        guard asset.kind == facts.input.media, facts.accepts.isEmpty || facts.accepts.contains(ending) else {
            throw InputTrouble(reason: "\(facts.input.name) does not take \(asset.mimeType)", isFinal: true)
        }
        if let most = facts.input.maximumFileMegabytes, asset.sizeBytes > Int64(most) << 20 {
            throw InputTrouble(reason: "\(facts.input.name) is larger than \(most) MB", isFinal: true)
        }
        guard let seconds = asset.durationSeconds else { return }
        // A clip says its length itself, and whoever made it may have told Telegram another one.
        let most = quoted.map { $0 + Self.lengthTolerance } ?? facts.maximumSeconds.map(Double.init)
        if facts.maximumSeconds != nil, let most, seconds > most {
            throw InputTrouble(reason: "\(facts.input.name) is longer than \(most) s", isFinal: true)
        }
    }
}

extension MediaFacts {
    /// The ending that goes with a type of ours; KIE serves files by it.
    static func ending(ofMimeType type: String) -> String {
        switch type {
        case "image/jpeg": "jpg"
        case "audio/mpeg": "mp3"
        case "audio/mp4": "m4a"
        case "video/quicktime": "mov"
        default: type.split(separator: "/").last.map(String.init) ?? "bin"
        }
    }
}
