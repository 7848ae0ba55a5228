internal import Concurrency
internal import Contracts
internal import Foundation
internal import Glibc
internal import HTTP
internal import HTTPClient

/// Reads users' files from Telegram for generation, which must not see the token.
struct TelegramFiles: Sendable {
    let telegram: TelegramClient
    /// Exists; belongs to this process alone.
    let folder: String

    /// Telegram's own limit for bots.
    static let maximumBytes: Int64 = 20 << 20
    private static let pieceBytes = 64 << 10

    /// The file as an answer that is streamed from a temporary file.
    ///
    /// - Throws: `fileNotFound`, `fileTooLarge`, `unavailable`.
    func response(fileID: String) async throws -> HTTPResponse {
        let file = try await locate(fileID)
        let path = "\(folder)/\(UUID().uuidString)"
        let downloaded: DownloadedFile
        do throws(HTTPClientError) {
            downloaded = try await telegram.download(
                filePath: file.path,
                to: path,
                maximumBytes: Self.maximumBytes,
                timeout: .seconds(45)
            )
        } catch {
            if error.code == .responseTooLarge { throw Problem(.fileTooLarge, "the file is over 20 MB") }
            throw Problem(.unavailable, "the file can't be read from Telegram now")
        }
        guard let hash = downloaded.sha256 else {
            if downloaded.status == 404 { throw Problem(.fileNotFound, "Telegram does not have the file any more") }
            throw Problem(.unavailable, "the file can't be read from Telegram now")
        }
        return try stream(path, downloaded, hash)
    }

    private func locate(_ fileID: String) async throws -> (path: String, size: Int64?) {
        let call = TelegramCall("getFile", ["file_id": .string(fileID)])
        switch await telegram.call(call, timeout: .seconds(10), isGuarded: false) {
        case .accepted(let result):
            if let size = result["file_size"]?.integer, size > Self.maximumBytes {
                throw Problem(.fileTooLarge, "the file is over 20 MB")
            }
            // A path that leads out of the bot's folder would turn the URL into another one.
            guard let path = result["file_path"]?.string, !path.hasPrefix("/"), !path.contains("..") else {
                throw Problem(.fileNotFound, "Telegram names no path for the file")
            }
            return (path, result["file_size"]?.integer)
        case .fileTooBig: throw Problem(.fileTooLarge, "the file is over 20 MB")
        case .notSent, .uncertain, .unauthorized: throw Problem(.unavailable, "Telegram does not answer")
        case .flooded(let seconds): throw Problem(.unavailable, "Telegram asks to wait", retryAfterSeconds: seconds)
        default: throw Problem(.fileNotFound, "Telegram does not know the file")
        }
    }

    private func stream(_ path: String, _ file: DownloadedFile, _ hash: String) throws -> HTTPResponse {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        // The name goes at once: the bytes live as long as the descriptor, whatever happens to the process.
        unsafe unlink(path)
        guard descriptor >= 0 else { throw Problem(.internalError, "a temporary file has gone") }
        let open = OpenFile(descriptor)
        var response = HTTPResponse(
            status: 200,
            fields: ["ETag": "\"\(hash)\""],
            body: .stream(length: file.bytes) { writer in
                while let piece = try await open.read(Self.pieceBytes) { try await writer.write(piece) }
            }
        )
        response.fields["Content-Type"] = file.fields["Content-Type"] ?? "application/octet-stream"
        return response
    }

    /// A descriptor that closes with its last reference, whether the stream was read or not.
    private final class OpenFile: Sendable {
        private let descriptor: Int32

        init(_ descriptor: Int32) {
            self.descriptor = descriptor
        }

        deinit {
            close(descriptor)
        }

        /// The next piece; nil at the end.
        func read(_ count: Int) async throws -> [UInt8]? {
            let descriptor = descriptor
            return try await BlockingExecutor.shared.run {
                let piece = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                    filled = unsafe max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
                }
                return piece.isEmpty ? nil : piece
            }
        }
    }
}
