package import Contracts

/// Which form of message Telegram takes for a medium.
///
/// Source: Bot API documentation, "Sending files": 10 MB for photos and 50 MB for everything else by upload; a photo's
/// width and height together at most 10,000 and their ratio at most 20.
package enum MediaRules {
    package static let maximumPhotoBytes: Int64 = 10_000_000
    package static let maximumUploadBytes: Int64 = 50_000_000
    package static let maximumSideSum = 10_000
    package static let maximumRatio = 20

    /// Whether the bytes can be sent at all.
    package static func fits(_ asset: Asset) -> Bool { asset.sizeBytes <= maximumUploadBytes }

    /// The form to send, which is the wanted one or `document`.
    package static func form(of item: MediaItem) -> MediaItem.Form {
        switch item.form {
        case .photo: isPhoto(item.asset) ? .photo : .document
        case .video: item.asset.mimeType == "video/mp4" ? .video : .document
        case .animation: ["image/gif", "video/mp4"].contains(item.asset.mimeType) ? .animation : .document
        case .audio: isAudio(item.asset.mimeType) ? .audio : .document
        case .voice:
            ["audio/ogg", "audio/opus"].contains(item.asset.mimeType) || isAudio(item.asset.mimeType)
                ? .voice : .document
        case .document: .document
        }
    }

    /// The forms of an album's items: Telegram mixes photos and videos, but keeps audio and documents among themselves,
    /// and takes neither voices nor animations.
    package static func albumForms(of items: [MediaItem], overrides: [Int: MediaItem.Form] = [:]) -> [MediaItem.Form] {
        let forms = items.enumerated().map { index, item -> MediaItem.Form in
            switch overrides[index] ?? form(of: item) {
            case .voice: .audio
            case .animation: item.asset.mimeType == "video/mp4" ? .video : .document
            case let form: form
            }
        }
        let kinds = Set(forms)
        if kinds.isSubset(of: [.photo, .video]) || kinds == [.audio] { return forms }
        return forms.map { _ in .document }
    }

    private static func isPhoto(_ asset: Asset) -> Bool {
        guard asset.sizeBytes <= maximumPhotoBytes, asset.mimeType.hasPrefix("image/"),
            asset.mimeType != "image/svg+xml", asset.mimeType != "image/gif"
        else { return false }
        guard let width = asset.width, let height = asset.height, width > 0, height > 0 else { return true }
        return width + height <= maximumSideSum && max(width, height) <= maximumRatio * min(width, height)
    }

    private static func isAudio(_ mimeType: String) -> Bool {
        ["audio/mpeg", "audio/mp3", "audio/mp4", "audio/x-m4a", "audio/m4a", "audio/aac"].contains(mimeType)
    }
}
