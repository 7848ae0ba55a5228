/// Calls that carry bytes instead of JSON: path templates and callers, for both sides.
///
/// Both answer 200 (or 206 for a `Range`) with `Content-Type`, `Content-Length` and `ETag`, and problem+json otherwise.
package enum RawRoute {
    /// `GET` on generation: the bytes of a stored result or input. Problem: `asset_not_found`.
    package static let asset = "/v1/assets/{asset_id}"
    package static let assetCallers: Set<ServiceName> = [.delivery, .ingress, .operator]

    /// `GET` on delivery: a user's file, read from Telegram (at most 20 MB). Problems: `file_not_found`,
    /// `file_too_large`, `unavailable`.
    package static let telegramFile = "/v1/telegram-files/{file_id}"
    package static let telegramFileCallers: Set<ServiceName> = [.generation]
}
