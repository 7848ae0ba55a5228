package import Contracts

/// A public address that stands for a medium which Telegram does not carry, as a button below the text.
package struct DownloadLink: Sendable, Equatable {
    package var asset: Asset
    package var url: String

    package init(asset: Asset, url: String) {
        self.asset = asset
        self.url = url
    }

    /// Russian, like every text that goes out without conversation; the size tells what the tap will cost.
    package var button: Button { Button(text: "⬇️ Скачать \(noun) (\(megabytes) МБ)", url: url) }

    private var noun: String {
        switch asset.kind {
        case .image: "картинку"
        case .video: "видео"
        case .audio: "аудио"
        default: "файл"
        }
    }

    /// Of 1,000,000 bytes, rounded up.
    private var megabytes: Int64 { (asset.sizeBytes + 999_999) / 1_000_000 }
}
