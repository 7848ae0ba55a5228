internal import Contracts
internal import HTTP
internal import ServiceKit

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
