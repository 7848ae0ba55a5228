package import Time

/// A public address under which an asset can be fetched without a token, for results that Telegram can't carry.
///
/// Made anew by each call and stored nowhere; calls within an hour get the same one.
package enum GetAssetLink: Operation {
    package static let service = ServiceName.generation
    package static let method = OperationMethod.get
    package static let path = "/v1/assets/{asset_id}/link"
    package static let callers: Set<ServiceName> = [.delivery, .operator]
    package static let problems: Set<ProblemCode> = [.assetNotFound]

    package struct Parameters: OperationParameters, Equatable {
        package var assetID: AssetID

        package init(assetID: AssetID) {
            self.assetID = assetID
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.assetID = try values.required("asset_id")
        }

        package var values: [(name: String, value: String)] { [("asset_id", assetID.description)] }
    }

    package struct Output: Codable, Sendable, Equatable {
        /// `<public address>/files/<signed>`; whoever has it may read the asset until it expires.
        package var url: String
        package var expiresAt: Timestamp

        package init(url: String, expiresAt: Timestamp) {
            self.url = url
            self.expiresAt = expiresAt
        }
    }
}
