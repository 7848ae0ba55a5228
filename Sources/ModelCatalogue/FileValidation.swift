internal import Contracts

/// Checks files by what is known of them before their bytes are read.
enum FileValidation {
    static func problem(with files: [MediaReference], for facts: InputFacts) -> InputProblem? {
        let input = facts.input
        let most = input.kind == .file ? 1 : input.maximumItems ?? 1
        let least = files.isEmpty ? 0 : input.minimumItems ?? 0
        func wrong(_ reason: InputProblem.Reason, _ limit: Int? = nil) -> InputProblem {
            InputProblem(name: input.name, reason: reason, limit: limit.map(Double.init))
        }
        if files.isEmpty && input.isRequired { return wrong(.missing) }
        if files.count < least { return wrong(.tooFew, least) }
        if files.count > most { return wrong(.tooMany, most) }
        for file in files {
            guard (file.telegramFileID == nil) != (file.assetID == nil), file.kind == input.media,
                accepts(file.mimeType, facts.accepts), facts.sends == .address || file.assetID != nil
            else { return wrong(.wrongMedia) }
            if let megabytes = input.maximumFileMegabytes, let size = file.sizeBytes, size > Int64(megabytes) << 20 {
                return wrong(.tooLarge, megabytes)
            }
            guard let seconds = file.durationSeconds else { continue }
            if let most = facts.maximumSeconds, seconds > Double(most) { return wrong(.tooLongClip, most) }
            if let least = facts.minimumSeconds, seconds < Double(least) { return wrong(.tooShortClip, least) }
        }
        return nil
    }

    /// An unknown type is looked at when the bytes are there.
    private static func accepts(_ mimeType: String?, _ endings: [String]) -> Bool {
        guard let mimeType, !endings.isEmpty else { return true }
        let subtype = mimeType.lowercased().split(separator: "/").last.map(String.init) ?? ""
        let names: [String: [String]] = [
            "jpeg": ["jpg"], "mpeg": ["mp3"], "quicktime": ["mov"], "x-matroska": ["mkv"], "x-wav": ["wav"],
            "x-m4a": ["m4a"], "vnd.wave": ["wav"], "x-flac": ["flac"], "x-ms-bmp": ["bmp"], "opus": ["ogg"],
            "mp4": mimeType.hasPrefix("audio/") ? ["m4a"] : [],
        ]
        return ([subtype] + (names[subtype] ?? [])).contains { endings.contains($0) }
    }
}
