internal import Contracts

/// KIE's families of calls beside the common one: paths, requests, records and callbacks of their own shape.
///
/// Sources: the provider's pages of the older calls (2026-08-19) and recorded answers of the music calls.
enum KieFamily: String, Codable, Sendable, CaseIterable {
    case veo, gpt4oImage, fluxKontext, runway, aleph, suno, lyrics

    /// A create call: its path, and the model that it is for; nil where the request names it.
    struct Creation: Sendable {
        var path: String
        var family: KieFamily
        var model: String?
    }

    static let creations = [
        Creation(path: "/veo/generate", family: .veo),
        Creation(path: "/veo/extend", family: .veo, model: "legacy/veo-extend"),
        Creation(path: "/gpt4o-image/generate", family: .gpt4oImage, model: "legacy/gpt4o-image"),
        Creation(path: "/flux/kontext/generate", family: .fluxKontext),
        Creation(path: "/runway/generate", family: .runway, model: "legacy/runway"),
        Creation(path: "/aleph/generate", family: .aleph, model: "legacy/aleph"),
        Creation(path: "/generate", family: .suno, model: "legacy/suno/generate"),
        Creation(path: "/lyrics", family: .lyrics, model: "legacy/suno/lyrics"),
    ]

    /// The path that tells about a task.
    var recordPath: String {
        switch self {
        case .veo: "/veo/record-info"
        case .gpt4oImage: "/gpt4o-image/record-info"
        case .fluxKontext: "/flux/kontext/record-info"
        case .runway: "/runway/record-detail"
        case .aleph: "/aleph/record-info"
        case .suno: "/generate/record-info"
        case .lyrics: "/lyrics/record-info"
        }
    }

    /// Ids look different in each family; clients must treat them as opaque.
    func taskID(_ random: String) -> String {
        switch self {
        case .veo: "veo_task_\(random.prefix(20))"
        case .gpt4oImage: "4o_\(random.prefix(20))"
        case .fluxKontext: "flux_\(random.prefix(20))"
        case .aleph: "aleph_\(random.prefix(20))"
        case .runway, .suno, .lyrics: random
        }
    }

    /// The music calls know nothing of a task by answering nothing, the others by an error.
    var answersUnknownWithNothing: Bool { self == .suno || self == .lyrics }

    /// `data` of the record.
    func record(_ task: KieTask, now: Int64) -> JSONValue {
        if self == .runway { return runwayRecord(task) }
        let result = result(of: task)
        var members: [String: JSONValue] = [
            "taskId": .string(task.id), "paramJson": .string(task.param), "createTime": task.createdAt.json,
            "completeTime": task.completedAt?.json ?? .null, "errorMessage": .string(task.failMessage ?? ""),
            "errorCode": task.failCode.flatMap { Int64($0) }.map { .integer($0) } ?? .null,
            "successFlag": task.state == .success ? 1 : task.state == .fail ? 3 : 0,
            "response": task.state == .success ? result : .null,
        ]
        switch self {
        case .veo: members["fallbackFlag"] = false
        case .gpt4oImage:
            members["status"] =
                task.state == .success ? "SUCCESS" : task.state == .fail ? "GENERATE_FAILED" : "GENERATING"
            members["successFlag"] = task.state == .success ? 1 : task.state == .fail ? 2 : 0
        case .suno, .lyrics:
            members["successFlag"] = nil
            let failed = self == .suno ? "GENERATE_AUDIO_FAILED" : "GENERATE_LYRICS_FAILED"
            let isRefused = task.failCode == "400"
            members["status"] =
                task.state == .success
                ? "SUCCESS" : task.state == .fail ? .string(isRefused ? "SENSITIVE_WORD_ERROR" : failed) : "PENDING"
        case .fluxKontext, .aleph, .runway: break
        }
        return .object(members)
    }

    private func runwayRecord(_ task: KieTask) -> JSONValue {
        let state = task.state == .waiting ? "queueing" : task.state.rawValue
        return [
            "taskId": .string(task.id), "parentTaskId": "", "state": .string(state),
            "generateTime": .string(String(task.createdAt)), "generateParam": .object(task.input),
            "videoInfo": task.state == .success ? result(of: task) : .null,
            "failCode": task.failCode.flatMap { Int64($0) }.map { .integer($0) } ?? 0,
            "failMsg": .string(task.failMessage ?? ""), "expireFlag": 0,
        ]
    }

    /// The finished files in the family's shape.
    private func result(of task: KieTask) -> JSONValue {
        let urls = task.files.map { JSONValue.string("\(task.base)/kie/files/\(task.id)/\($0.name)") }
        let first = urls.first ?? .null
        switch self {
        case .veo:
            return [
                "taskId": .string(task.id), "resultUrls": .array(urls), "originUrls": [],
                "resolution": task.input["resolution"] ?? "720p",
            ]
        case .gpt4oImage: return ["resultUrls": .array(urls)]
        case .fluxKontext:
            return ["originImageUrl": .string("\(first.string ?? "")?origin=1"), "resultImageUrl": first]
        case .runway:
            return [
                "videoId": .string("v-\(task.id)"), "taskId": .string(task.id), "videoUrl": first,
                "imageUrl": .string("\(first.string ?? "").png"),
            ]
        case .aleph: return ["resultVideoUrl": first, "resultImageUrl": .string("\(first.string ?? "").png")]
        case .suno: return ["taskId": .string(task.id), "sunoData": .array(tracks(task))]
        case .lyrics:
            let texts = task.resultJSON.flatMap { try? JSONText.parse($0) }?["resultObject"]?["lyricsData"] ?? []
            return ["taskId": .string(task.id), "data": texts]
        }
    }

    private func tracks(_ task: KieTask, snake: Bool = false) -> [JSONValue] {
        let songs = task.files.filter { $0.mimeType == "audio/mpeg" }
        return songs.enumerated().map { place, file in
            let url = JSONValue.string("\(task.base)/kie/files/\(task.id)/\(file.name)")
            let cover = JSONValue.string("\(task.base)/kie/files/\(task.id)/cover\(place + 1).png")
            return [
                "id": .string("\(task.id.prefix(8))-\(place + 1)"), snake ? "audio_url" : "audioUrl": url,
                snake ? "stream_audio_url" : "streamAudioUrl": url, snake ? "image_url" : "imageUrl": cover,
                "prompt": .string(task.prompt), "title": .string(String(task.prompt.prefix(40))), "tags": "lo-fi",
                "duration": .number(6.06), snake ? "model_name" : "modelName": "chirp-v5",
                "createTime": "2026-09-21 10:00:00",
            ]
        }
    }

    /// The bodies of a task's callbacks in their order; only the last one is final.
    func callbacks(_ task: KieTask) -> [JSONValue] {
        guard task.state == .success else { return [failure(task)] }
        let result = result(of: task)
        switch self {
        case .veo:
            return [
                Self.body([
                    "taskId": .string(task.id), "promptJson": .string(task.param), "info": result,
                    "fallbackFlag": false,
                ])
            ]
        case .gpt4oImage:
            return [Self.body(["taskId": .string(task.id), "info": ["result_urls": result["resultUrls"] ?? []]])]
        case .fluxKontext: return [Self.body(["taskId": .string(task.id), "info": result])]
        case .runway:
            return [
                Self.body([
                    "task_id": .string(task.id), "video_id": result["videoId"] ?? .null,
                    "video_url": result["videoUrl"] ?? .null, "image_url": result["imageUrl"] ?? .null,
                ])
            ]
        case .aleph:
            let data: JSONValue = [
                "result_video_url": result["resultVideoUrl"] ?? .null,
                "result_image_url": result["resultImageUrl"] ?? .null,
            ]
            return [["code": 200, "msg": "success", "taskId": .string(task.id), "data": data]]
        case .suno:
            let songs = tracks(task, snake: true)
            return [("text", []), ("first", Array(songs.prefix(1))), ("complete", songs)].map { kind, list in
                Self.body(["callbackType": .string(kind), "task_id": .string(task.id), "data": .array(list)])
            }
        case .lyrics:
            return [Self.body(["callbackType": "complete", "task_id": .string(task.id), "data": result["data"] ?? []])]
        }
    }

    private func failure(_ task: KieTask) -> JSONValue {
        let id = JSONValue.string(task.id)
        let data: JSONValue =
            switch self {
            case .veo: ["taskId": id, "fallbackFlag": false]
            case .gpt4oImage: ["taskId": id, "info": .null]
            case .fluxKontext: ["taskId": id, "info": ["originImageUrl": "", "resultImageUrl": ""]]
            case .runway: ["task_id": id, "video_id": "", "video_url": "", "image_url": ""]
            case .suno, .lyrics: ["callbackType": self == .suno ? "error" : "complete", "task_id": id, "data": .null]
            case .aleph: .null
            }
        let code = task.failCode.flatMap { Int64($0) } ?? 500
        var body: [String: JSONValue] = ["code": .integer(code), "msg": .string(task.failMessage ?? ""), "data": data]
        if self == .aleph { body["taskId"] = id }
        return .object(body)
    }

    private static func body(_ data: JSONValue) -> JSONValue { ["code": 200, "msg": "success", "data": data] }
}
