internal import Contracts
internal import Cryptography
internal import HTTP
internal import ObjectStorage
internal import ServiceKit
internal import Telemetry
internal import Time

/// `GET` of an asset's bytes, see `RawRoute.asset`.
struct AssetHandler: Sendable {
    let tools: Toolbox

    func get(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard let id = request.parameters["asset_id"].flatMap({ AssetID($0) }),
            let row = try await tools.assets.find(id)
        else { throw Problem(.assetNotFound, "there is no such asset") }
        do {
            return try await response(to: request.fields, row)
        } catch is AssetFiles.Missing {
            throw Problem(.assetNotFound, "there is no such asset")
        } catch let error as ObjectStoreError {
            tools.log.warning("asset store not reachable", [.assetID: .describing(id), .error: .describing(error)])
            throw Problem(.unavailable, "the asset store does not answer now", retryAfterSeconds: 2)
        }
    }

    /// A signed public address, see `FileLink`, or the store's own where the outside reaches it. Its end is a full hour, so
    /// that a repeated message carries the same one.
    func link(_ id: AssetID) async throws -> GetAssetLink.Output {
        guard let row = try await tools.assets.find(id), tools.files.has(row) else {
            throw Problem(.assetNotFound, "there is no such asset")
        }
        let hour: Int64 = 3_600_000_000
        let now = tools.clock.now
        if let link = storeLink(row, from: Timestamp(microseconds: now.microseconds / hour * hour)) { return link }
        let earliest = (now + tools.configuration.fileLinkLifetime).microseconds
        let expiresAt = Timestamp(microseconds: (earliest + hour - 1) / hour * hour)
        let message = FileLink.signedMessage(asset: id, expiresAt: expiresAt)
        let link = FileLink(asset: id, expiresAt: expiresAt, signature: tools.configuration.signingKey.sign(message))
        return GetAssetLink.Output(url: "\(tools.configuration.publicURL)/files/\(link.text)", expiresAt: expiresAt)
    }

    private func storeLink(_ row: AssetRow, from time: Timestamp) -> GetAssetLink.Output? {
        let lifetime = tools.configuration.fileLinkLifetime + .seconds(3_600)
        let seconds = min(SigningV4.longestExpiry, lifetime.wholeMilliseconds / 1_000)
        return tools.files.bucket?.link(to: row.path, from: time, seconds: seconds, fileName: row.asset.fileName).map {
            GetAssetLink.Output(url: $0, expiresAt: time + .seconds(seconds))
        }
    }

    /// The bytes never change, so the hash of the content is a strong tag.
    private func response(to fields: HTTPFields, _ row: AssetRow) async throws -> HTTPResponse {
        let asset = row.asset
        let tag = "\"\(asset.sha256)\""
        var answer: HTTPFields = [
            "ETag": tag, "Accept-Ranges": "bytes", "Content-Type": asset.mimeType,
            "Content-Disposition": "inline; filename=\"\(asset.fileName)\"",
            "Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
        ]
        if let known = fields["If-None-Match"], known == "*" || known.contains(tag) {
            return HTTPResponse(status: 304, fields: answer)
        }
        // A range of a file that the caller knows in another version would be glued to the wrong bytes.
        let isSame = fields["If-Range"].map { $0 == tag } ?? true
        switch ByteRange(isSame ? fields["Range"] : nil, size: asset.sizeBytes) {
        case .whole:
            let body = try await tools.files.body(of: row, offset: 0, length: asset.sizeBytes)
            return HTTPResponse(status: 200, fields: answer, body: body)
        case .part(let offset, let length):
            answer["Content-Range"] = "bytes \(offset)-\(offset + length - 1)/\(asset.sizeBytes)"
            let body = try await tools.files.body(of: row, offset: offset, length: length)
            return HTTPResponse(status: 206, fields: answer, body: body)
        case .unsatisfiable:
            return HTTPResponse(status: 416, fields: ["Content-Range": "bytes */\(asset.sizeBytes)"])
        }
    }
}
