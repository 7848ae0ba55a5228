internal import Contracts
internal import Foundation
package import ServiceKit
internal import Telemetry

/// Gets a message's media ready to be sent: a stored file id, or the bytes in a temporary file.
package struct MediaFetcher: Sendable {
    private let files: FileStore
    private let generation: InternalClient
    private let folder: String
    private let metrics: DeliveryMetrics

    /// Why media can't be had.
    package enum Failure: Error, Sendable {
        /// Never: the asset is gone.
        case gone
        /// Perhaps later.
        case unavailable
    }

    /// - Parameter folder: Exists; belongs to this process alone.
    package init(files: FileStore, generation: InternalClient, folder: String, metrics: DeliveryMetrics) {
        self.files = files
        self.generation = generation
        self.folder = folder
        self.metrics = metrics
    }

    /// One source for each medium of the message; the caller removes the files with `discard`.
    package func sources(for message: OutgoingMessage) async throws -> [MediaSource] {
        var sources: [MediaSource] = []
        do {
            for (item, form) in zip(message.media, message.forms) {
                sources.append(try await source(item, form, anew: message.progress.uploadsAnew))
            }
            return sources
        } catch {
            Self.discard(sources)
            throw error
        }
    }

    /// A link for each medium that Telegram does not carry. One that is gone has none: the text then stands alone.
    ///
    /// - Throws: `Failure.unavailable`.
    package func links(for message: OutgoingMessage) async throws -> [DownloadLink] {
        var links: [DownloadLink] = []
        for item in message.linked {
            do throws(CallError) {
                let link = try await generation.call(
                    GetAssetLink.self,
                    parameters: .init(assetID: item.asset.assetID)
                )
                links.append(DownloadLink(asset: item.asset, url: link.url))
                metrics.files.increment("linked")
            } catch {
                guard let problem = error.problem, !problem.isRetryable else { throw Failure.unavailable }
            }
        }
        return links
    }

    /// Removes temporary files.
    package static func discard(_ sources: [MediaSource]) {
        for case .file(let path) in sources {
            // It may be gone already; the folder is emptied at the next start anyway.
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    /// Remembers what Telegram made of uploads.
    package func remember(_ sent: SentMessage, for message: OutgoingMessage, _ sources: [MediaSource]) async throws {
        let places = zip(zip(message.media, message.forms), zip(sources, sent.files))
        for ((item, form), (source, file)) in places {
            guard case .file = source, let file else { continue }
            try await files.store(sha256: item.asset.sha256, form: form, file)
        }
    }

    /// Forgets stored file ids that Telegram refused.
    package func forget(_ message: OutgoingMessage) async throws {
        for (item, form) in zip(message.media, message.forms) {
            try await files.forget(sha256: item.asset.sha256, form: form)
        }
    }

    private func source(_ item: MediaItem, _ form: MediaItem.Form, anew: Bool) async throws -> MediaSource {
        if !anew, let stored = try await files.file(sha256: item.asset.sha256, form: form) {
            metrics.files.increment("stored")
            return .stored(stored)
        }
        let path = "\(folder)/\(UUID().uuidString)"
        let target = RawRoute.asset.replacing("{asset_id}", with: item.asset.assetID.description)
        do throws(CallError) {
            _ = try await generation.download(target, to: path, maximumBytes: MediaRules.maximumUploadBytes)
        } catch {
            // Anything else, a token or a route that does not fit this release too, passes with time.
            if error.problem?.code == .assetNotFound { throw Failure.gone }
            throw Failure.unavailable
        }
        metrics.files.increment("uploaded")
        return .file(path: path)
    }
}
