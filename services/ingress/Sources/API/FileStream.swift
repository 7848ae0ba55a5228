internal import Concurrency
internal import Contracts
internal import EventLoop
internal import HTTP
internal import HTTPClient
internal import ServiceKit
internal import Time

/// Reads an asset from generation piece by piece, each only when the reader has taken the one before.
///
/// A slow reader thus holds one piece in this process and nothing at all in generation, however large the file is, and a
/// restart of generation in the middle costs a pause.
struct FileStream: Sendable {
    /// Bytes fetched at a time.
    static let pieceBytes: Int64 = 512 << 10
    /// How long a piece is asked for again and again before the stream breaks off; the reader can resume with `Range`.
    static let patience = Duration.seconds(20)
    /// A reader must take this many bytes a second on average, after `grace`: who reads slower keeps a place from others.
    static let slowestReader: Int64 = 16 << 10
    static let grace = Duration.seconds(60)

    /// What is known of a file before it is sent.
    struct Facts: Sendable {
        var size: Int64
        var tag: String
        var type: String
        var disposition: String
    }

    /// Why a stream breaks off.
    enum Failure: Error {
        case unavailable
        /// The bytes are not those of the first piece.
        case changed
        case readerTooSlow
    }

    private static let backoff = Backoff(first: .milliseconds(100), cap: .seconds(2))

    let asset: AssetID
    let generation: InternalClient
    let loop: EventLoop

    private var path: String { RawRoute.asset.replacing("{asset_id}", with: asset.description) }

    /// Asks for one byte to learn about all.
    ///
    /// - Throws: `CallError`; `asset_not_found` if the file is gone.
    func facts() async throws -> Facts {
        let response = try await generation.fetch(path, range: "bytes=0-0", maximumBytes: 64 << 10)
        let total = response.fields["Content-Range"].flatMap { $0.split(separator: "/").last }.flatMap { Int64($0) }
        guard let size = response.status == 200 ? Int64(response.body.count) : total, size >= 0 else {
            throw Failure.unavailable
        }
        return Facts(
            size: size,
            tag: response.fields["ETag"] ?? "",
            type: response.fields["Content-Type"] ?? "application/octet-stream",
            disposition: response.fields["Content-Disposition"] ?? ""
        )
    }

    /// Sends a part of the file.
    ///
    /// - Throws: `Failure`, or what the writer throws when the reader has gone.
    func send(_ facts: Facts, offset: Int64, length: Int64, to writer: BodyWriter) async throws {
        let deadline = Deadline.after(Self.grace + .seconds(length / Self.slowestReader))
        var position = offset
        let end = offset + length
        while position < end {
            guard !deadline.isExpired else { throw Failure.readerTooSlow }
            let bytes = try await piece(facts, from: position, to: min(position + Self.pieceBytes, end))
            try await writer.write(bytes)
            position += Int64(bytes.count)
        }
    }

    private func piece(_ facts: Facts, from first: Int64, to end: Int64) async throws -> [UInt8] {
        let deadline = Deadline.after(Self.patience)
        var attempt = 1
        while true {
            do throws(CallError) {
                let response = try await generation.fetch(
                    path,
                    range: "bytes=\(first)-\(end - 1)",
                    maximumBytes: Int(Self.pieceBytes)
                )
                guard response.status == 206, response.fields["ETag"] == facts.tag,
                    Int64(response.body.count) == end - first
                else { throw CallError.problem(Problem(.assetNotFound)) }
                return response.body
            } catch {
                if let problem = error.problem, !problem.isRetryable { throw Failure.changed }
                guard !deadline.isExpired else { throw Failure.unavailable }
            }
            try await loop.sleep(for: Self.backoff.delay(attempt: attempt))
            attempt += 1
        }
    }
}
