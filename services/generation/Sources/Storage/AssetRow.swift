internal import Contracts
internal import Foundation
internal import Jobs
internal import Postgres
internal import Time

/// A stored file with its place.
struct AssetRow: Sendable {
    var asset: Asset
    var userID: UserID
    /// Below the asset directory.
    var path: String

    static let columns: StaticString = """
        asset_id, kind, mime_type, size_bytes, sha256, width, height, duration_seconds, file_name, user_id, path
        """

    /// - Throws: `PostgresError` for a row that this build can't have written.
    init(row: Row) throws {
        let kind: String = try row.get("kind")
        self.asset = Asset(
            assetID: try row.get("asset_id"),
            kind: MediaKind(rawValue: kind) ?? .image,
            mimeType: try row.get("mime_type"),
            sizeBytes: try row.get("size_bytes"),
            sha256: try row.get("sha256"),
            width: try row.get("width"),
            height: try row.get("height"),
            durationSeconds: try row.get("duration_seconds"),
            fileName: try row.get("file_name")
        )
        self.userID = try row.get("user_id")
        self.path = try row.get("path")
    }

    init(asset: Asset, userID: UserID, path: String) {
        self.asset = asset
        self.userID = userID
        self.path = path
    }
}

/// The SQL of assets and their copies at the provider.
struct AssetStore: Sendable {
    let database: Database

    func find(_ id: AssetID) async throws -> AssetRow? {
        try await database.query("select \(unsafe: AssetRow.columns) from asset where asset_id = \(id)").first
            .map { try AssetRow(row: $0) }
    }

    /// The file that a user sent, if it was fetched before.
    func find(telegramFileID: String, of userID: UserID) async throws -> AssetRow? {
        try await database.query(
            """
            select \(unsafe: AssetRow.columns) from asset
            where user_id = \(userID) and telegram_file_id = \(telegramFileID)
            """
        ).first.map { try AssetRow(row: $0) }
    }

    /// Who made a result.
    struct Origin: Sendable, Equatable {
        var modelSlug: String
        var taskID: String
        var providerKey: String
    }

    /// The task that made a result; nil for a user's file, and where the task is not known.
    func origin(of id: AssetID) async throws -> Origin? {
        let rows = try await database.query(
            """
            select job.model_slug, attempt.task_id, attempt.provider_key from asset
            join job on job.job_id = asset.job_id join attempt on attempt.attempt_id = job.attempt_id
            where asset.asset_id = \(id) and attempt.task_id is not null
            """
        )
        return try rows.first.map { row in
            let (slug, task, key) = try row.decode(String.self, String.self, String.self)
            return Origin(modelSlug: slug, taskID: task, providerKey: key)
        }
    }

    /// Results of jobs in their order, by job.
    func results(of jobs: [JobID]) async throws -> [JobID: [Asset]] {
        guard !jobs.isEmpty else { return [:] }
        let rows = try await database.query(
            """
            select job_id, position, \(unsafe: AssetRow.columns) from asset
            where job_id = any(\(jobs)) order by job_id, position
            """
        )
        var assets: [JobID: [Asset]] = [:]
        for row in rows { assets[try row.get("job_id"), default: []].append(try AssetRow(row: row).asset) }
        return assets
    }

    /// Records a result; a repeat changes nothing.
    func insertResult(_ row: AssetRow, of jobID: JobID, at position: Int) async throws {
        try await insert(row, jobID: jobID, position: position, telegramFileID: nil)
    }

    /// Records an input; a repeat changes nothing.
    func insertInput(_ row: AssetRow, telegramFileID: String) async throws {
        try await insert(row, jobID: nil, position: nil, telegramFileID: telegramFileID)
    }

    private func insert(_ row: AssetRow, jobID: JobID?, position: Int?, telegramFileID: String?) async throws {
        let asset = row.asset
        try await database.execute(
            """
            insert into asset (asset_id, user_id, job_id, position, telegram_file_id, kind, mime_type, size_bytes,
                sha256, width, height, duration_seconds, file_name, path)
            values (\(asset.assetID), \(row.userID), \(jobID), \(position)::int8, \(telegramFileID),
                \(asset.kind.rawValue), \(asset.mimeType), \(asset.sizeBytes), \(asset.sha256),
                \(asset.width)::int8, \(asset.height)::int8, \(asset.durationSeconds), \(asset.fileName), \(row.path))
            on conflict do nothing
            """
        )
    }

    /// Where the provider has a copy that is young enough to be there for the whole run.
    func upload(of asset: AssetID, key: String, notOlderThan age: Duration) async throws -> String? {
        try await database.query(
            """
            select url from upload where asset_id = \(asset) and provider_key = \(key)
                and uploaded_at > now() - \(age.inSeconds) * interval '1 second'
            """
        ).first.map { try $0.get("url") }
    }

    func recordUpload(of asset: AssetID, key: String, url: String) async throws {
        try await database.execute(
            """
            insert into upload (asset_id, provider_key, url) values (\(asset), \(key), \(url))
            on conflict (asset_id, provider_key) do update set url = excluded.url, uploaded_at = now()
            """
        )
    }

    /// Forgets the provider's copies of inputs, because the provider could not read them.
    func forgetUploads(of assets: [AssetID]) async throws {
        guard !assets.isEmpty else { return }
        try await database.execute("delete from upload where asset_id = any(\(assets))")
    }
}
