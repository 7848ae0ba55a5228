internal import Contracts
internal import Cryptography
internal import HTTP
internal import ServiceKit
internal import Time

/// `GET` of an asset's bytes, see `RawRoute.asset`.
struct AssetHandler: Sendable {
    let tools: Toolbox

    func get(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard let id = request.parameters["asset_id"].flatMap({ AssetID($0) }),
            let row = try await tools.assets.find(id),
            tools.files.size(of: row.path) == row.asset.sizeBytes
        else { throw Problem(.assetNotFound, "there is no such asset") }
        return Self.response(to: request.fields, row.asset, file: tools.files.absolute(row.path))
    }

    /// A signed public address, see `FileLink`. Its end is a full hour, so that a repeated message carries the same one.
    func link(_ id: AssetID) async throws -> GetAssetLink.Output {
        guard let row = try await tools.assets.find(id), tools.files.size(of: row.path) == row.asset.sizeBytes else {
            throw Problem(.assetNotFound, "there is no such asset")
        }
        let earliest = (tools.clock.now + tools.configuration.fileLinkLifetime).microseconds
        let hour: Int64 = 3_600_000_000
        let expiresAt = Timestamp(microseconds: (earliest + hour - 1) / hour * hour)
        let message = FileLink.signedMessage(asset: id, expiresAt: expiresAt)
        let link = FileLink(asset: id, expiresAt: expiresAt, signature: tools.configuration.signingKey.sign(message))
        return GetAssetLink.Output(url: "\(tools.configuration.publicURL)/files/\(link.text)", expiresAt: expiresAt)
    }

    /// The bytes never change, so the hash of the content is a strong tag.
    static func response(to fields: HTTPFields, _ asset: Asset, file: String) -> HTTPResponse {
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
            return HTTPResponse(
                status: 200,
                fields: answer,
                body: .file(path: file, offset: 0, length: asset.sizeBytes)
            )
        case .part(let offset, let length):
            answer["Content-Range"] = "bytes \(offset)-\(offset + length - 1)/\(asset.sizeBytes)"
            return HTTPResponse(status: 206, fields: answer, body: .file(path: file, offset: offset, length: length))
        case .unsatisfiable:
            return HTTPResponse(status: 416, fields: ["Content-Range": "bytes */\(asset.sizeBytes)"])
        }
    }
}
