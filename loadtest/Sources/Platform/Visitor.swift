import Contracts
import EventLoop
import Foundation
import HTTP
import HTTPClient
import LocalSystem
import Time

/// Somebody who uses the bot through Telegram's stand-in, just enough for the services to have something to tell.
struct Visitor: Sendable {
    let id: Int64
    let firstName: String
    let sandboxURL: String
    let http: HTTPClient
    let loop: EventLoop

    /// From the greeting to a picture.
    func makePicture(prompt: String) async throws {
        try await say("/start")
        try await see { $0["text"]?.string?.contains("Привет") == true }
        let begin = try await lastID()
        try await say("/models")
        for label in ["Картинка", "Z-Image", "Начать"] { try await press(label, after: begin) }
        try await see { $0["text"]?.string?.contains("Напишите") == true }
        try await say(prompt)
        try await press("Сгенерировать", after: begin)
        try await see { $0["media"]?.object != nil }
    }

    func say(_ text: String) async throws {
        try await post(["user": .integer(id), "first_name": .string(firstName), "text": .string(text)])
    }

    /// Waits for the newest button whose label contains a text, looks at it as a person does, and presses it.
    private func press(_ label: String, after: Int64) async throws {
        _ = try await button(label) { $0 > after }
        try await loop.sleep(for: .milliseconds(900))
        let found = try await button(label) { $0 > after }
        try await post([
            "user": .integer(id), "callback": ["message_id": .integer(found.message), "data": .string(found.data)],
        ])
    }

    private func button(_ label: String, _ isMeant: (Int64) -> Bool) async throws -> (message: Int64, data: String) {
        try await waiting("a button «\(label)»") { messages in
            for message in messages.reversed() {
                guard let number = message["message_id"]?.integer, isMeant(number) else { continue }
                for button in (message["keyboard"]?.array ?? []).flatMap({ $0.array ?? [] }) {
                    if let data = button["callback_data"]?.string, button["text"]?.string?.contains(label) == true {
                        return (number, data)
                    }
                }
            }
            return nil
        }
    }

    private func see(_ isMeant: (JSONValue) -> Bool) async throws {
        _ = try await waiting("an answer") { messages in
            messages.contains { $0["is_bot"]?.bool == true && isMeant($0) } ? true : nil
        }
    }

    private func lastID() async throws -> Int64 {
        try await messages().compactMap { $0["message_id"]?.integer }.max() ?? 0
    }

    private func waiting<Found>(_ what: String, _ look: ([JSONValue]) -> Found?) async throws -> Found {
        let deadline = Deadline.after(.seconds(30))
        while !deadline.isExpired {
            if let found = look(try await messages()) { return found }
            try await loop.sleep(for: .milliseconds(50))
        }
        throw OperatorError("\(what) did not come within 30 s.", "")
    }

    private func messages() async throws -> [JSONValue] {
        let answer = try await http.send(ClientRequest(url: "\(sandboxURL)/sandbox/chats/\(id)"))
        let chat = try ContractJSON.decode(JSONValue.self, from: answer.body)
        return (chat["messages"]?.array ?? []).filter { $0["deleted"]?.bool != true }
    }

    private func post(_ body: JSONValue) async throws {
        let answer = try await http.send(
            ClientRequest(
                method: .post,
                url: sandboxURL + "/sandbox/updates",
                fields: ["Content-Type": "application/json"],
                body: .bytes(try ContractJSON.encode(body))
            )
        )
        guard answer.status == 200 else { throw OperatorError("The sandbox answered \(answer.status).", "") }
    }
}
