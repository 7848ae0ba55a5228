import Contracts

/// An asset with believable values.
func sampleAsset(
    _ mimeType: String = "image/png",
    bytes: Int64 = 1_000,
    width: Int? = 640,
    height: Int? = 480,
    sha256: String = "aa"
) -> Asset {
    Asset(
        assetID: AssetID(),
        kind: mimeType.hasPrefix("video") ? .video : mimeType.hasPrefix("audio") ? .audio : .image,
        mimeType: mimeType,
        sizeBytes: bytes,
        sha256: sha256,
        width: width,
        height: height,
        durationSeconds: mimeType.hasPrefix("image") ? nil : 4.2,
        fileName: "result.bin"
    )
}

let sampleButtons = [[Button(text: "Again", callbackData: "v.again")]]
