import Concurrency
import Contracts
import Foundation
import HTTP
import TestSupport

/// A Bot API that keeps chats in memory and fails as it is told.
final class FakeTelegram: Sendable {
    /// What goes wrong with a call.
    enum Fault: Sendable {
        /// Nothing happens and this is answered.
        case refuse(status: Int, String)
        /// It happens, but a gateway's page is answered.
        case actAndLoseAnswer
    }

    struct Message: Sendable, Equatable {
        var chat: Int64
        var kind: String
        var text: String
        var file: String?
        var replyTo: Int64?
        var hasButtons = false
    }

    struct Call: Sendable {
        var method: String
        var parameters: [String: JSONValue]
        /// Uploaded bytes by part name.
        var files: [String: [UInt8]]
    }

    private struct State {
        var calls: [Call] = []
        var messages: [Int64: Message] = [:]
        var lastID: Int64 = 100
        var faults: [String: [Fault]] = [:]
        var files: [String: [UInt8]] = [:]
    }

    static let token = "8012345678:fake-token"
    private let state = Locked(State())
    /// Called when a call has had its effect and before it is answered.
    private let beforeAnswer: @Sendable (String) async throws -> Void

    init(beforeAnswer: @escaping @Sendable (String) async throws -> Void = { _ in }) {
        self.beforeAnswer = beforeAnswer
    }

    /// Starts a server for it.
    func serve() async throws -> StubServer {
        try await StubServer.start { [self] request in
            let response = answer(request)
            try await beforeAnswer(request.path.split(separator: "/").last.map(String.init) ?? "")
            return response
        }
    }

    /// The next calls of the method fail so, one after the other.
    func fail(_ method: String, _ faults: Fault...) {
        state.withLock { $0.faults[method, default: []] += faults }
    }

    func addFile(_ path: String, _ bytes: [UInt8]) { state.withLock { $0.files[path] = bytes } }

    var calls: [Call] { state.withLock { $0.calls } }
    func calls(of method: String) -> [Call] { calls.filter { $0.method == method } }

    /// What the chat shows, in order.
    func messages(in chat: Int64) -> [Message] {
        state.withLock { $0.messages.filter { $0.value.chat == chat }.sorted { $0.key < $1.key }.map(\.value) }
    }

    func delete(messagesIn chat: Int64) {
        state.withLock { $0.messages = $0.messages.filter { $0.value.chat != chat } }
    }

    // MARK: - HTTP

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        let prefix = "/bot\(Self.token)/"
        if request.path.hasPrefix("/file\(prefix)") {
            let path = String(request.path.dropFirst("/file\(prefix)".count))
            guard let bytes = state.withLock({ $0.files[path] }) else { return .text(404, "not found") }
            return HTTPResponse(status: 200, fields: ["Content-Type": "image/jpeg"], body: .bytes(bytes))
        }
        guard request.path.hasPrefix(prefix) else { return Self.refusal(401, "Unauthorized") }
        let call = Self.read(request, method: String(request.path.dropFirst(prefix.count)))
        return state.withLock { state in
            state.calls.append(call)
            if state.faults[call.method]?.isEmpty == false, let fault = state.faults[call.method]?.removeFirst() {
                switch fault {
                case .refuse(let status, let text):
                    return status == 502 ? .text(502, "<html>Bad Gateway</html>") : Self.refusal(status, text)
                case .actAndLoseAnswer:
                    _ = Self.act(call, &state)
                    return .text(502, "<html>Bad Gateway</html>")
                }
            }
            return Self.act(call, &state)
        }
    }

    private static func act(_ call: Call, _ state: inout State) -> HTTPResponse {
        switch call.method {
        case "sendMessage", "sendPhoto", "sendVideo", "sendAudio", "sendVoice", "sendDocument", "sendAnimation":
            let kind = call.method == "sendMessage" ? "text" : call.method.dropFirst(4).lowercased()
            return success(add(kind, call, call.parameters, &state))
        case "sendMediaGroup":
            let items = call.parameters["media"]?.array ?? []
            return success(
                .array(items.map { add($0["type"]?.string ?? "", call, $0.object ?? [:], &state) })
            )
        case "editMessageText", "editMessageCaption", "editMessageMedia":
            return edit(call, &state)
        case "deleteMessages":
            for id in call.parameters["message_ids"]?.array ?? [] { state.messages[id.integer ?? 0] = nil }
            return success(true)
        case "getFile":
            let id = call.parameters["file_id"]?.string ?? ""
            guard let bytes = state.files["photos/\(id)"] else {
                return refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
            }
            return success([
                "file_id": .string(id), "file_size": .integer(Int64(bytes.count)), "file_path": .string("photos/\(id)"),
            ])
        default:
            return success(true)
        }
    }

    private static func add(
        _ kind: String,
        _ call: Call,
        _ parameters: [String: JSONValue],
        _ state: inout State
    ) -> JSONValue {
        state.lastID += 1
        state.messages[state.lastID] = Message(
            chat: call.parameters["chat_id"]?.integer ?? 0,
            kind: kind,
            text: parameters["text"]?.string ?? parameters["caption"]?.string ?? "",
            file: file(parameters["media"] ?? parameters[kind], call),
            replyTo: call.parameters["reply_parameters"]?["message_id"]?.integer,
            hasButtons: call.parameters["reply_markup"] != nil
        )
        return result(state.lastID, kind, state.messages[state.lastID]?.file)
    }

    private static func edit(_ call: Call, _ state: inout State) -> HTTPResponse {
        let id = call.parameters["message_id"]?.integer ?? 0
        guard var message = state.messages[id] else { return refusal(400, "Bad Request: message to edit not found") }
        let before = message
        let media = call.parameters["media"]?.object
        message.text = (media ?? call.parameters)[call.method == "editMessageText" ? "text" : "caption"]?.string ?? ""
        message.hasButtons = call.parameters["reply_markup"] != nil
        if let media {
            message.kind = media["type"]?.string ?? ""
            message.file = file(media["media"], call)
        }
        guard message != before else { return refusal(400, "Bad Request: message is not modified: …") }
        state.messages[id] = message
        return success(result(id, message.kind, message.file))
    }

    /// The uploaded bytes as text, or the file id that was sent.
    private static func file(_ value: JSONValue?, _ call: Call) -> String? {
        guard let text = value?.string else { return nil }
        guard text.hasPrefix("attach://") else { return text }
        return call.files[String(text.dropFirst(9))].map { String(decoding: $0, as: UTF8.self) }
    }

    private static func result(_ id: Int64, _ kind: String, _ file: String?) -> JSONValue {
        var message: [String: JSONValue] = ["message_id": .integer(id)]
        if let file {
            let entry: JSONValue = ["file_id": .string("id-of-\(file)")]
            message[kind] = kind == "photo" ? [["file_id": "small"], entry] : entry
        }
        return .object(message)
    }

    private static func success(_ result: JSONValue) -> HTTPResponse { json(200, ["ok": true, "result": result]) }

    private static func refusal(_ status: Int, _ text: String) -> HTTPResponse {
        var body: [String: JSONValue] = [
            "ok": false, "error_code": .integer(Int64(status)), "description": .string(text),
        ]
        if status == 429 { body["parameters"] = ["retry_after": .integer(Int64(text.filter(\.isNumber)) ?? 1)] }
        return json(status, .object(body))
    }

    private static func json(_ status: Int, _ value: JSONValue) -> HTTPResponse {
        .json(status, (try? ContractJSON.encode(value)) ?? [])
    }

    // MARK: - Bodies

    private static func read(_ request: HTTPRequest, method: String) -> Call {
        var call = Call(method: method, parameters: [:], files: [:])
        let type = request.fields["Content-Type"] ?? ""
        guard type.hasPrefix("multipart/"), let boundary = type.split(separator: "boundary=").last else {
            call.parameters = (try? ContractJSON.decode(JSONValue.self, from: request.body))?.object ?? [:]
            return call
        }
        for part in split(request.body, by: [UInt8]("--\(boundary)".utf8)) {
            guard let head = part.firstRange(of: [13, 10, 13, 10]) else { continue }
            let header = String(decoding: part[..<head.lowerBound], as: UTF8.self)
            let body = Array(part[head.upperBound...].dropLast(2))
            guard let name = header.split(separator: "name=\"").dropFirst().first?.prefix(while: { $0 != "\"" }) else {
                continue
            }
            if header.contains("filename=") {
                call.files[String(name)] = body
            } else {
                // Structured values are JSON texts, all others plain ones.
                let text = String(decoding: body, as: UTF8.self)
                call.parameters[String(name)] =
                    (try? ContractJSON.decode(JSONValue.self, from: body)) ?? .string(text)
            }
        }
        return call
    }

    private static func split(_ bytes: [UInt8], by mark: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while let range = rest.firstRange(of: mark) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts
    }
}
