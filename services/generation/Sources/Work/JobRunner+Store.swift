internal import Contracts
internal import Cryptography
internal import Foundation
internal import HTTP
internal import HTTPClient
internal import Jobs
internal import ModelCatalogue
internal import ObjectStorage
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Copying results into the asset store: the provider's addresses live for a day at most.
extension JobRunner {
    /// Tries of the whole set of files; the pauses between them sum up to about five minutes.
    private static let maximumTries = 10

    func store(_ job: JobRow) async throws -> JobRow? {
        guard let attempt = try await currentAttempt(of: job) else {
            return try await apply(.stored(count: 0), to: job)
        }
        let stored = try await tools.assets.results(of: [job.jobID])[job.jobID] ?? []
        let known = Set(stored.map(\.assetID))
        var files = attempt.results
        var count = stored.count
        var isComplete = true
        for index in files.indices where !known.contains(files[index].assetID) && !files[index].isGone {
            switch try await fetch(&files[index], position: index + 1, job, attempt) {
            case .stored: count += 1
            case .gone: files[index].isGone = true
            case .later: isComplete = false
            }
        }
        if isComplete || attempt.storeTries >= Self.maximumTries {
            return try await finish(job, attempt, files, count: count)
        }
        try await note(files, attempt)
        try await tools.jobs.release(job, until: tools.clock.now + .seconds(min(60, 1 << attempt.storeTries)))
        return nil
    }

    private func finish(_ job: JobRow, _ attempt: AttemptRow, _ files: [ResultFile], count: Int) async throws -> JobRow?
    {
        if count < files.count {
            tools.log.error(
                "results could not be fetched",
                fields(job).merging([.count: .int(files.count - count)]) { $1 }
            )
        }
        let results = try StoredJSON.encode(files)
        let assets = try await tools.assets.results(of: [job.jobID])[job.jobID] ?? []
        if count > 0 {
            let seconds = (tools.clock.now - (job.beganAt ?? job.createdAt)).inSeconds
            tools.metrics.resultSeconds.observe(seconds, job.output.rawValue)
            if let entry = tools.catalogue.entry(job.modelNumber), seconds > Double(entry.promisedSeconds) {
                tools.metrics.lateResults.increment(job.output.rawValue)
            }
            if job.progress.isLate { tools.metrics.givenAway.increment() }
        }
        let next = try await apply(.stored(count: count), to: job) { change in
            change.attempt = [AttemptStore.storing(attempt.attemptID, results: results)]
            change.assets = assets
        }
        Failpoint.reach("generation.result_stored")
        return next
    }

    private func note(_ files: [ResultFile], _ attempt: AttemptRow) async throws {
        let results = try StoredJSON.encode(files)
        try await tools.jobs.database.execute(AttemptStore.storing(attempt.attemptID, results: results))
    }

    private enum Fetched {
        case stored, gone, later
    }

    /// Fetches one file. The provider's key is never sent along, and addresses of our own network are refused.
    private func fetch(
        _ file: inout ResultFile,
        position: Int,
        _ job: JobRow,
        _ attempt: AttemptRow
    ) async throws -> Fetched {
        let path = tools.files.path(of: file.assetID)
        try await tools.files.makeFolder(for: path)
        if let words = ResultText.bytes(of: file.url) {
            try await tools.files.write(words, to: path)
            return try await keep(
                file,
                .plainText,
                Hex.encode(SHA256.hash(words)),
                Int64(words.count),
                position: position,
                path,
                job
            )
        }
        let answer: DownloadedFile
        do {
            answer = try await tools.http.download(
                request(file.url),
                to: tools.files.absolute(path),
                maximumBytes: tools.configuration.maximumResultBytes,
                // A bucket's copy is what must last, then.
                durably: tools.files.bucket == nil
            )
        } catch {
            tools.log.warning("result not fetched", fields(job).merging([.reason: .string(error.code.rawValue)]) { $1 })
            let isHopeless =
                error.code == .addressRefused || error.code == .responseTooLarge || error.code == .invalidRequest
            return isHopeless ? .gone : .later
        }
        guard (200..<300).contains(answer.status) else { return await refused(&file, answer.status, job, attempt) }
        guard let facts = MediaFacts(try await tools.files.head(of: path)) else {
            await tools.files.remove(path)
            tools.log.warning("result is of no known type", fields(job))
            return .later
        }
        return try await keep(file, facts, answer.sha256 ?? "", answer.bytes, position: position, path, job)
    }

    /// Hands the file over to the store, and only then writes its row.
    private func keep(
        _ file: ResultFile,
        _ facts: MediaFacts,
        _ sha256: String,
        _ bytes: Int64,
        position: Int,
        _ path: String,
        _ job: JobRow
    ) async throws -> Fetched {
        do throws(ObjectStoreError) {
            try await tools.files.keep(path, sha256: sha256, bytes: bytes, mimeType: facts.mimeType)
        } catch {
            tools.log.warning("result not stored", fields(job).merging([.error: .describing(error)]) { $1 })
            return .later
        }
        let slug = job.modelSlug.replacing("/", with: "-")
        let asset = Asset(
            assetID: file.assetID,
            kind: facts.kind,
            mimeType: facts.mimeType,
            sizeBytes: bytes,
            sha256: sha256,
            width: facts.width,
            height: facts.height,
            durationSeconds: facts.seconds,
            fileName: "\(slug)-\(position).\(facts.ending)"
        )
        try await tools.assets.insertResult(
            AssetRow(asset: asset, userID: job.userID, path: path),
            of: job.jobID,
            at: position
        )
        tools.metrics.storedBytes.add(UInt64(clamping: bytes))
        return .stored
    }

    /// An address that has expired is asked for anew, once.
    private func refused(_ file: inout ResultFile, _ status: Int, _ job: JobRow, _ attempt: AttemptRow) async -> Fetched
    {
        tools.log.warning("result refused", fields(job).merging([.status: .int(status)]) { $1 })
        guard [403, 404, 410].contains(status) else { return .later }
        guard !file.isRefreshed, let url = await tools.kie.refreshed(file.url, key: attempt.providerKey) else {
            return .gone
        }
        file.url = url
        file.isRefreshed = true
        return .later
    }

    private func request(_ url: String) -> ClientRequest {
        ClientRequest(
            url: url,
            fields: ["User-Agent": KIEClient.userAgent, "Accept": "*/*"],
            timeout: .seconds(300),
            addresses: tools.configuration.allowsPrivateResultHosts ? .any : .publicOnly,
            followRedirects: 3,
            peer: "kie_files"
        )
    }
}
