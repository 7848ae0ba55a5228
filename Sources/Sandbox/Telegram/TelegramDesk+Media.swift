internal import Contracts
internal import Cryptography

/// A file of a call: known already, or new and not yet registered.
struct ResolvedMedia: Sendable {
    var file: TelegramFile
    var thumbnail: TelegramFile?
}

/// Files in calls.
extension TelegramDesk {
    static let maximumPhotoBytes = 10 << 20
    static let maximumUploadBytes = 50 << 20

    /// Finds or stores the file that a call names: a `file_id`, an upload, or `attach://name`.
    ///
    /// URLs are always refused: Telegram would fetch them from the internet, where nothing of the sandbox is reachable.
    func resolve(
        _ kind: MediaKind,
        _ source: String,
        field: String?,
        _ parameters: Parameters,
        about: Parameters? = nil
    ) throws(TelegramError) -> ResolvedMedia {
        let name = source.hasPrefix("attach://") ? String(source.dropFirst(9)) : field
        if let name, let part = parameters.files[name], source.isEmpty || source.hasPrefix("attach://") {
            return try store(part, as: kind, about ?? parameters)
        }
        if source.hasPrefix("attach://") { throw .bad("wrong file identifier/HTTP URL specified") }
        if source.hasPrefix("http://") || source.hasPrefix("https://") { throw .bad("failed to get HTTP URL content") }
        let known = read { $0.files[source] }
        guard let file = known else {
            throw .bad(
                source.count > 30
                    ? "wrong remote file identifier specified: can't unserialize it. Wrong last symbol"
                    : "wrong file identifier/HTTP URL specified"
            )
        }
        guard file.kind == kind else { throw .bad("can't use file of type \(file.kind.title) as \(kind.title)") }
        return ResolvedMedia(file: file)
    }

    /// Registers a new file, or leaves a known one as it is.
    ///
    /// - Returns: The `file_id`.
    func register(_ media: ResolvedMedia, in state: inout TelegramState) -> String {
        if state.files[media.file.id] == nil { state.add(media.file, thumbnail: media.thumbnail) }
        return media.file.id
    }

    private func store(
        _ part: FormPart,
        as wanted: MediaKind,
        _ parameters: Parameters
    ) throws(TelegramError) -> ResolvedMedia {
        guard !part.content.isEmpty else { throw .bad("file must be non-empty") }
        guard part.content.count <= Self.maximumUploadBytes else { throw .tooLarge }
        let kind = Self.actualKind(part.content, wanted)
        if kind == .photo { try checkPhoto(part.content) }
        var media = try newMedia(part.content, kind: kind, fileName: part.fileName, type: part.contentType)
        media.file.width = media.file.width ?? parameters.integer("width").map(Int.init)
        media.file.height = media.file.height ?? parameters.integer("height").map(Int.init)
        media.file.duration = parameters.integer("duration").map(Int.init)
        media.file.title = parameters.text("title")
        media.file.performer = parameters.text("performer")
        return media
    }

    private func checkPhoto(_ content: [UInt8]) throws(TelegramError) {
        guard content.count <= Self.maximumPhotoBytes else {
            throw .bad("file of size \(content.count) bytes is too big for a photo")
        }
        guard let facts = ImageFacts(content) else { throw .bad("IMAGE_PROCESS_FAILED") }
        let (long, short) = (max(facts.width, facts.height), min(facts.width, facts.height))
        guard long + short <= 10_000, long <= 20 * short else { throw .bad("PHOTO_INVALID_DIMENSIONS") }
    }

    /// What Telegram makes of an upload: sound in a form that it does not play becomes a document.
    private static func actualKind(_ content: [UInt8], _ wanted: MediaKind) -> MediaKind {
        let isMP3 =
            content.starts(with: Array("ID3".utf8)) || (content.count > 1 && content[0] == 0xFF && content[1] >= 0xE0)
        let isMP4 = content.count > 11 && Array(content[4..<8]) == Array("ftyp".utf8)
        let isOgg = content.starts(with: Array("OggS".utf8))
        switch wanted {
        case .audio: return isMP3 || isMP4 ? .audio : .document
        case .voice: return isOgg || isMP3 || isMP4 ? .voice : .document
        case .video: return isMP4 ? .video : .document
        default: return wanted
        }
    }

    /// Stores a content as a new file.
    ///
    /// - Throws: 500 if the disk is full.
    func newMedia(
        _ content: [UInt8],
        kind: MediaKind,
        fileName: String?,
        type: String?
    ) throws(TelegramError) -> ResolvedMedia {
        // A full disk is Telegram's own trouble, which it reports this way.
        guard let sha = try? tools.blobs.put(content) else {
            throw TelegramError(code: 500, description: "Internal Server Error")
        }
        let facts = ImageFacts(content)
        let ending = fileName?.split(separator: ".").last.map(String.init) ?? Self.ending(kind)
        var file = TelegramFile(
            id: kind.prefix + Tools.randomHex(52),
            uniqueID: "AQAD" + sha.prefix(11),
            kind: kind,
            sha256: sha,
            bytes: content.count,
            mimeType: type ?? facts?.mimeType ?? "application/octet-stream",
            fileName: fileName,
            path: "\(kind.folder)/file_\(Tools.randomHex(8)).\(ending)"
        )
        file.width = facts?.width
        file.height = facts?.height
        if kind == .photo {
            file.fileName = nil
            return ResolvedMedia(file: file, thumbnail: thumbnail(of: file))
        }
        return ResolvedMedia(file: file)
    }

    private static func ending(_ kind: MediaKind) -> String {
        switch kind {
        case .photo: "jpg"
        case .video, .animation: "mp4"
        case .audio: "mp3"
        case .voice: "oga"
        case .document: "bin"
        }
    }

    /// The small size of a photo: a grey picture, so that a bot that takes the first size instead of the last is noticed.
    private func thumbnail(of file: TelegramFile) -> TelegramFile? {
        guard let width = file.width, let height = file.height else { return nil }
        let scale = Double(90) / Double(max(width, height, 90))
        var canvas = Canvas(
            width: max(1, Int(Double(width) * scale)),
            height: max(1, Int(Double(height) * scale))
        )
        _ = canvas.addRamp(through: [Colour(0x9AA4B2), Colour(0x9AA4B2)], count: 2)
        let picture = PNG.encode(canvas)
        // Without room for a thumbnail the photo has one size, which Telegram allows.
        guard let sha = try? tools.blobs.put(picture) else { return nil }
        return TelegramFile(
            id: MediaKind.photo.prefix + Tools.randomHex(52),
            uniqueID: "AQAE" + file.sha256.prefix(11),
            kind: .photo,
            sha256: sha,
            bytes: picture.count,
            mimeType: "image/png",
            width: canvas.width,
            height: canvas.height,
            path: "photos/thumb_\(Tools.randomHex(8)).png"
        )
    }
}
