internal import Concurrency
internal import Contracts
internal import Cryptography
internal import HTTP
internal import HTTPClient
internal import Time

/// Uploads and downloads of the KIE stand-in.
extension KieDesk {
    /// `POST /api/file-stream-upload`.
    func streamUpload(_ request: HTTPRequest) -> HTTPResponse {
        if let refusal = gate(request) { return refusal }
        // How a form is malformed does not matter to KIE either.
        guard let form = try? request.readParameters(), let file = form.files["file"] else {
            return Self.uploadRefusal("file is required")
        }
        return store(
            file.content,
            path: form.text("uploadPath"),
            fileName: form.text("fileName"),
            original: file.fileName,
            origin: request.origin
        )
    }

    /// `POST /api/file-base64-upload`.
    func base64Upload(_ request: HTTPRequest) -> HTTPResponse {
        if let refusal = gate(request) { return refusal }
        // A malformed body has no data, which is the answer.
        let body = try? JSONText.parse(request.body)
        guard let text = body?["base64Data"]?.string, !text.isEmpty else {
            return Self.uploadRefusal("base64Data is required")
        }
        let encoded = text.hasPrefix("data:") ? text.split(separator: ",", maxSplits: 1).last.map(String.init) : text
        guard let encoded, let content = Base64.decode(encoded), !content.isEmpty else {
            return Self.uploadRefusal("base64Data is not valid base64")
        }
        return store(
            content,
            path: body?["uploadPath"]?.string,
            fileName: body?["fileName"]?.string,
            original: nil,
            origin: request.origin
        )
    }

    /// `POST /api/file-url-upload`.
    func urlUpload(_ request: HTTPRequest) async -> HTTPResponse {
        if let refusal = gate(request) { return refusal }
        // A malformed body has no URL, which is the answer.
        let body = try? JSONText.parse(request.body)
        guard let url = body?["fileUrl"]?.string, url.hasPrefix("http") else {
            return Self.uploadRefusal("fileUrl is required")
        }
        let fetch = ClientRequest(
            url: url,
            fields: ["User-Agent": "KIE-Fetch/1.0"],
            timeout: .seconds(30),
            maximumResponseBytes: 100 << 20
        )
        guard let answer = await tools.send(fetch, provider: "kie-upload", operation: "fetch"), answer.status == 200,
            !answer.body.isEmpty
        else { return Self.uploadRefusal("Failed to download file from URL", code: 500) }
        let name = url.split(separator: "?").first?.split(separator: "/").last.map(String.init)
        return store(
            answer.body,
            path: body?["uploadPath"]?.string,
            fileName: body?["fileName"]?.string,
            original: name,
            origin: request.origin
        )
    }

    private func store(
        _ content: [UInt8],
        path: String?,
        fileName: String?,
        original: String?,
        origin: String
    ) -> HTTPResponse {
        guard let path, !path.isEmpty else { return Self.uploadRefusal("uploadPath is required") }
        guard tools.faults.take(.kieUploadServer) == nil else { return Self.uploadRefusal("Server error", code: 500) }
        let ending = original?.split(separator: ".").last.map(String.init) ?? ImageFacts(content)?.mimeType ?? "bin"
        let shortEnding = ending.split(separator: "/").last.map(String.init) ?? "bin"
        let name =
            fileName.flatMap { $0.isEmpty ? nil : $0 } ?? "\(tools.milliseconds)-\(Tools.randomHex(10)).\(shortEnding)"
        // A name of the caller's own is kept and overwrites; the same path and name are the same file.
        let filePath = "kieai/100001/\(path)/\(name)"
        let key = "u" + Hex.encode(SHA256.hash(filePath)).prefix(31)
        let safeName = String(name.map { $0.isLetter || $0.isNumber || "._-".contains($0) ? $0 : "_" })
        // A full disk is the one thing that can go wrong, and it is said so.
        guard let sha = try? tools.blobs.put(content) else { return Self.uploadRefusal("Server error", code: 500) }
        let upload = KieUpload(
            key: key,
            fileName: name,
            filePath: filePath,
            mimeType: Self.mimeType(of: name),
            sha256: sha,
            bytes: content.count
        )
        state.withLock { $0.insert(upload) }
        tools.journal.put(.upload, key, upload)
        return .json([
            "success": true, "code": 200, "msg": "File uploaded successfully",
            "data": [
                "success": true, "fileName": .string(name), "filePath": .string(filePath),
                "downloadUrl": .string("\(origin)/kie/files/\(key)/\(safeName)"), "fileSize": content.count.json,
                "mimeType": .string(upload.mimeType), "uploadedAt": .string(tools.clock.now.description),
            ],
        ])
    }

    private static func uploadRefusal(_ message: String, code: Int = 400) -> HTTPResponse {
        .json(["success": false, "code": code.json, "msg": .string(message)])
    }

    /// KIE tells the type by the name's ending alone.
    static func mimeType(of name: String) -> String {
        switch name.lowercased().split(separator: ".").last ?? "" {
        case "png": "image/png"
        case "jpg", "jpeg": "image/jpeg"
        case "webp": "image/webp"
        case "gif": "image/gif"
        case "mp4": "video/mp4"
        case "mov": "video/quicktime"
        case "mp3": "audio/mpeg"
        case "wav": "audio/wav"
        case "ogg", "oga": "audio/ogg"
        case "m4a": "audio/mp4"
        default: "application/octet-stream"
        }
    }

    /// `GET /kie/files/{owner}/{name}`: an upload or a result; needs no key, as KIE's file host.
    func file(_ request: HTTPRequest) async throws -> HTTPResponse {
        let owner = request.parameters["owner"] ?? ""
        let name = request.parameters["name"] ?? ""
        let (upload, task) = state.withLock { ($0.uploads[owner], $0.tasks[owner]) }
        if let upload {
            guard let content = tools.blobs.get(upload.sha256) else { return .json(["error": "gone"], status: 404) }
            return .file(content, type: upload.mimeType, range: request.fields["Range"])
        }
        guard let task, let file = task.files.first(where: { $0.name == name }) else {
            return .gatewayPage(404, "Not Found")
        }
        if tools.faults.take(.kieFileServer, subject: owner) != nil {
            return .gatewayPage(500, "Internal Server Error")
        }
        if tools.faults.take(.kieFileGone, subject: owner) != nil { return .gatewayPage(404, "Not Found") }
        let resources = tools.resources
        if file.mimeType == "image/png", let bytes = tools.currentSettings.kiePictureBytes {
            return .file(KieDrawing.filler(bytes, task: task), type: file.mimeType, range: request.fields["Range"])
        }
        // Drawing takes milliseconds, which the loop must not lose.
        let content = try await BlockingExecutor.shared.run { KieDrawing.content(of: file, task: task, resources) }
        return .file(content, type: file.mimeType, range: request.fields["Range"])
    }
}

/// Draws result files; the same task and name always give the same bytes.
enum KieDrawing {
    static func content(of file: KieTask.File, task: KieTask, _ resources: Resources) -> [UInt8] {
        let remark = "task \(task.id) model \(task.model) file \(file.name)"
        let seed = UInt64(task.id.prefix(8), radix: 16) ?? 0
        switch file.mimeType {
        case "image/png": return picture(file, task, seed, resources)
        case "video/mp4":
            let size = Placard.size(aspect: aspect(of: task, fallback: "16:9"))
            let clip = size.width > size.height ? "wide" : size.width < size.height ? "tall" : "square"
            return Sound.tagged(mp4: resources.clips["clip-\(clip).mp4"] ?? [], remark: remark)
        case "audio/wav":
            return Sound.tone(seconds: 3, pitch: 220 + Double(seed % 220), remark: remark)
        default:
            let title = task.prompt.isEmpty ? task.model : String(task.prompt.prefix(60))
            return Sound.tagged(mp3: resources.clips["chord.mp3"] ?? [], title: title, remark: remark)
        }
    }

    /// A small picture with a comment that makes it as large as a real one; differs from task to task.
    static func filler(_ bytes: Int, task: KieTask) -> [UInt8] {
        // Not `String(repeating:)`, which appends dot by dot: that would be a third of a benchmark's processor time.
        let text = String(decoding: [UInt8](repeating: UInt8(ascii: "."), count: max(0, bytes - 200)), as: UTF8.self)
        return PNG.encode(Canvas(width: 64, height: 64), text: [("Comment", "task \(task.id)"), ("Filler", text)])
    }

    private static func picture(
        _ file: KieTask.File,
        _ task: KieTask,
        _ seed: UInt64,
        _ resources: Resources
    ) -> [UInt8] {
        let place = Int(file.name.filter(\.isNumber)) ?? 1
        var placard = Placard(model: task.model, prompt: task.prompt, settings: task.settings)
        placard.photoHash = task.sources.first { $0.field.contains("image") || $0.field.contains("url") }?.sha256
        placard.place = place
        placard.count = task.files.filter { $0.mimeType == "image/png" }.count
        placard.seed = seed &+ UInt64(place)
        let size = Placard.size(aspect: aspect(of: task, fallback: "1:1"))
        let canvas = placard.draw(width: size.width, height: size.height, fonts: resources.fonts)
        return PNG.encode(canvas, text: [("Comment", "task \(task.id) file \(file.name)")])
    }

    private static func aspect(of task: KieTask, fallback: String) -> String {
        for name in ["aspect_ratio", "ratio", "image_size", "size"] {
            if let text = task.input[name]?.string, text.lowercased() != "auto" { return text }
        }
        return fallback
    }
}
