package import Contracts
package import Postgres

/// Files that Telegram has, by the hash of their bytes, so that they are uploaded once.
package struct FileStore: Sendable {
    private let database: Database
    private let botID: Int64

    /// - Parameter botID: File ids of another bot are useless.
    package init(_ database: Database, botID: Int64) {
        self.database = database
        self.botID = botID
    }

    /// What Telegram has of these bytes in this form.
    package func file(sha256: String, form: MediaItem.Form) async throws -> SentMessage.StoredFile? {
        let rows = try await database.query(
            """
            select file_id, stored_form from telegram_file
            where bot_id = \(botID) and sha256 = \(sha256) and form = \(form.rawValue)
            """
        )
        return try rows.first.flatMap { row in
            let (id, form) = try row.decode(String.self, String.self)
            return MediaItem.Form(rawValue: form).map { SentMessage.StoredFile(fileID: id, form: $0) }
        }
    }

    /// Remembers what Telegram made of an upload.
    package func store(sha256: String, form: MediaItem.Form, _ file: SentMessage.StoredFile) async throws {
        try await database.execute(
            """
            insert into telegram_file (bot_id, sha256, form, file_id, stored_form)
            values (\(botID), \(sha256), \(form.rawValue), \(file.fileID), \(file.form.rawValue))
            on conflict (bot_id, sha256, form) do update set file_id = excluded.file_id,
                stored_form = excluded.stored_form, at = now()
            """
        )
    }

    /// Forgets a file that Telegram refused.
    package func forget(sha256: String, form: MediaItem.Form) async throws {
        try await database.execute(
            "delete from telegram_file where bot_id = \(botID) and sha256 = \(sha256) and form = \(form.rawValue)"
        )
    }
}
