internal import Contracts

/// What a finished task hands over: the value of `resultJson` and the files it names.
struct KieResult: Sendable {
    var json: JSONValue
    var files: [KieTask.File]

    /// The result of a task, in the shape of its model's family.
    init(task: KieTask, model: KieModel) {
        let address = { (file: KieTask.File) in JSONValue.string("\(task.base)/kie/files/\(task.id)/\(file.name)") }
        switch model.output {
        case "image":
            // PNG whatever was asked for: a file that says `.jpg` and holds a PNG would set a trap that KIE does not.
            files = (1...model.pictureCount(of: task.input)).map {
                KieTask.File(name: "\($0).png", mimeType: "image/png")
            }
            json = ["resultUrls": .array(files.map(address))]
        case "video":
            files = [KieTask.File(name: "1.mp4", mimeType: "video/mp4")]
            json = ["resultUrls": .array(files.map(address))]
            if task.input["return_last_frame"]?.bool == true {
                let frame = KieTask.File(name: "last.png", mimeType: "image/png")
                json = json.merging(["lastFrameUrl": [address(frame)]])
                files.append(frame)
            }
        case "audio" where task.model.contains("wav"):
            files = [KieTask.File(name: "1.wav", mimeType: "audio/wav")]
            json = ["resultUrls": .array(files.map(address))]
        case "audio" where task.model.hasPrefix("ai-music-api/separate"):
            files = ["vocal", "instrumental"].map { KieTask.File(name: "\($0).mp3", mimeType: "audio/mpeg") }
            json = ["resultObject": ["vocal_url": address(files[0]), "instrumental_url": address(files[1])]]
        case "audio" where task.model.hasPrefix("ai-music-api/") || task.model.hasPrefix("legacy/suno/"):
            (json, files) = Self.tracks(task, address)
        case "audio":
            files = [KieTask.File(name: "1.mp3", mimeType: "audio/mpeg")]
            json = ["resultUrls": .array(files.map(address))]
        default:
            files = []
            json = ["resultObject": Self.object(task)]
        }
    }

    private static func tracks(
        _ task: KieTask,
        _ address: (KieTask.File) -> JSONValue
    ) -> (JSONValue, [KieTask.File]) {
        var files: [KieTask.File] = []
        let title = task.input["title"]?.string ?? String(task.prompt.prefix(40))
        let tracks = (1...2).map { place -> JSONValue in
            let audio = KieTask.File(name: "\(place).mp3", mimeType: "audio/mpeg")
            let cover = KieTask.File(name: "cover\(place).png", mimeType: "image/png")
            files += [audio, cover]
            return [
                "id": .string("\(task.id.prefix(8))-\(place)"), "audio_url": address(audio),
                "stream_audio_url": address(audio), "image_url": address(cover), "title": .string(title),
                "tags": .string(task.input["style"]?.string ?? "lo-fi"), "duration": .number(6.06),
                "prompt": .string(task.prompt), "model_name": .string(task.input["model"]?.string ?? "V6"),
                "createTime": task.createdAt.json,
            ]
        }
        let json: JSONValue = [
            "code": 200, "msg": "success", "task_id": .string(task.id), "data": .array(tracks),
        ]
        return (json, files)
    }

    private static func object(_ task: KieTask) -> JSONValue {
        if task.model.contains("lyrics") {
            let verse = "[Куплет]\n\(task.prompt)\nПроба пера, проба строки\n\n[Припев]\nПоём вполголоса, легки"
            return [
                "lyricsData": [
                    ["text": .string(verse), "title": "Проба 1", "status": "complete", "errorMessage": ""],
                    [
                        "text": .string(verse + "\n[Кода]"), "title": "Проба 2", "status": "complete",
                        "errorMessage": "",
                    ],
                ]
            ]
        }
        if task.model.contains("speech-to-text") {
            return ["text": "Проба распознавания речи.", "language_code": "ru", "words": []]
        }
        if task.model.contains("style") { return ["text": .string("lo-fi, тёплый винил, \(task.prompt)")] }
        return ["id": .string("obj_\(task.id.prefix(16))"), "status": "complete", "subject_status": 1, "mask_urls": []]
    }
}
