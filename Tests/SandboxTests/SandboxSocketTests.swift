import Configuration
import Contracts
import EventLoop
import Foundation
import HTTP
import HTTPClient
import Telemetry
import TestSupport
import Testing
import Time

@testable import Sandbox

/// The sandbox on a real socket, with a stub where the gateway would be.
@Suite struct SandboxSocketTests {
    private static let loop = EventLoop(name: "sandbox-test")
    private static let client = HTTPClient(
        loop: loop,
        metrics: Metrics(service: "test"),
        log: MemoryLog().log()
    )

    /// A running sandbox and the gateway's stub.
    private struct World {
        let url: String
        let gateway: StubServer
        let sandbox: Sandbox

        func send(_ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil, _ fields: HTTPFields = [:])
            async throws
            -> (status: Int, json: JSONValue)
        {
            var all = fields
            if body != nil { all["Content-Type"] = "application/json" }
            let answer = try await client.send(
                ClientRequest(
                    method: method,
                    url: url + path,
                    fields: all,
                    body: body.map { .bytes(JSONText.bytes($0)) } ?? .none
                )
            )
            return (answer.status, (try? JSONText.parse(answer.body)) ?? .null)  // Not all answers are JSON.
        }

        func telegram(_ method: String, _ body: JSONValue) async throws -> (status: Int, json: JSONValue) {
            try await send(.post, "/telegram/bot77:token/\(method)", body)
        }

        func kie(_ input: JSONValue, model: String = "nano-banana-pro") async throws -> JSONValue {
            let body: JSONValue = [
                "model": .string(model), "input": input, "callBackUrl": .string(gateway.url + "/webhooks/kie/token"),
            ]
            return try await send(.post, "/kie/api/v1/jobs/createTask", body, ["Authorization": "Bearer key"]).json
        }

        /// Requests that the gateway got on a path, as JSON.
        func received(_ path: String) -> [JSONValue] {
            // What the sandbox sends always parses.
            gateway.requests.filter { $0.path.hasPrefix(path) }.compactMap { try? JSONText.parse($0.body) }
        }
    }

    private func withSandbox(
        state: String? = nil,
        gateway answer: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse = { _ in .text(200, "") },
        _ body: (World) async throws -> Void
    ) async throws {
        let gateway = try await StubServer.start(loop: Self.loop, answer: answer)
        var environment = [
            "ATELIER_SANDBOX_LISTEN": "127.0.0.1:0", "ATELIER_SANDBOX_BOT_TOKEN": "77:token",
            "ATELIER_SANDBOX_KIE_KEY": "key",
            "ATELIER_SANDBOX_YOOKASSA_SHOP": "1", "ATELIER_SANDBOX_YOOKASSA_SECRET": "s",
            "ATELIER_SANDBOX_INGRESS_URL": gateway.url, "ATELIER_SANDBOX_KIE_DELAY": "20ms",
        ]
        environment["ATELIER_SANDBOX_STATE"] = state
        let sandbox = try Sandbox(
            SandboxConfiguration(ConfigurationReader(environment: environment)),
            loop: Self.loop,
            log: MemoryLog().log()
        )
        let port = try await sandbox.start()
        do {
            try await body(World(url: "http://127.0.0.1:\(port)", gateway: gateway, sandbox: sandbox))
        } catch {
            await sandbox.stop(within: .zero)
            await gateway.stop()
            throw error
        }
        await sandbox.stop(within: .zero)
        await gateway.stop()
    }

    private func connectBot(_ world: World) async throws {
        let answer = try await world.telegram(
            "setWebhook",
            ["url": .string(world.gateway.url + "/webhooks/telegram/77"), "secret_token": "s3cret"]
        )
        try #require(answer.json["ok"] == true)
    }

    @Test func `a message reaches the webhook in Telegram's style and the bot's answer reaches the chat`() async throws
    {
        try await withSandbox { world in
            try await connectBot(world)
            _ = try await world.send(.post, "/sandbox/updates", ["user": 7_012_345_678, "text": "/start привет"])
            await eventually { !world.received("/webhooks/telegram").isEmpty }
            let request = try #require(world.gateway.requests.first)
            #expect(request.fields["X-Telegram-Bot-Api-Secret-Token"] == "s3cret")
            #expect(request.body.allSatisfy { $0 < 0x80 })
            #expect(String(decoding: request.body, as: UTF8.self).contains(",\n\"message\":{"))
            let sent = try await world.telegram(
                "sendMessage",
                ["chat_id": 7_012_345_678, "text": "<b>ж</b>", "parse_mode": "HTML"]
            )
            let id = try #require(sent.json["result"]?["message_id"]?.integer)
            let same = try await world.telegram(
                "editMessageText",
                ["chat_id": 7_012_345_678, "message_id": .integer(id), "text": "<b>ж</b>", "parse_mode": "HTML"]
            )
            #expect(same.status == 400)
            #expect(same.json["description"]?.string?.contains("message is not modified") == true)
            let transcript = try await world.send(.get, "/sandbox/chats/7012345678")
            #expect(transcript.json["messages"]?.array?.map { $0["text"] } == ["/start привет", "ж"])
        }
    }

    @Test func `refused webhooks are repeated in order and raw copies go out at once`() async throws {
        try await withSandbox { world in
            try await connectBot(world)
            world.gateway.enqueue(.text(503, "later"), .text(500, "oops"))
            for text in ["один", "два"] {
                _ = try await world.send(.post, "/sandbox/updates", ["user": 7_012_345_678, "text": .string(text)])
            }
            await eventually(within: .seconds(8)) { world.received("/webhooks/telegram").count == 4 }
            let texts = world.received("/webhooks/telegram").map { $0["message"]?["text"] }
            #expect(texts == ["один", "один", "один", "два"])
            let raw = try await world.send(
                .post,
                "/sandbox/updates",
                ["raw": ["update_id": 5, "message": ["message_id": 1]], "times": 25]
            )
            #expect(raw.json["statuses"]?.array?.count == 25)
            #expect(world.received("/webhooks/telegram").count { $0["update_id"] == 5 } == 25)
        }
    }

    @Test func `callers with a wrong token, a blocked chat and too long texts are refused`() async throws {
        try await withSandbox { world in
            #expect(try await world.send(.get, "/telegram/bot77:other/getMe").status == 401)
            #expect(try await world.telegram("sendMessage", ["chat_id": 7_012_345_678, "text": "x"]).status == 403)
            #expect(
                try await world.telegram("sendMessage", ["chat_id": 5, "text": "x"]).json["description"]
                    == "Bad Request: chat not found"
            )
            _ = try await world.send(.post, "/sandbox/updates", ["user": 7_012_345_678, "text": "/start"])
            let long = JSONValue.string(String(repeating: "ж", count: 4_097))
            #expect(
                try await world.telegram("sendMessage", ["chat_id": 7_012_345_678, "text": long]).json["description"]
                    == "Bad Request: message is too long"
            )
            _ = try await world.send(.post, "/sandbox/updates", ["user": 7_012_345_678, "block": true])
            #expect(
                try await world.telegram("sendMessage", ["chat_id": 7_012_345_678, "text": "x"]).json["description"]
                    == "Forbidden: bot was blocked by the user"
            )
        }
    }

    @Test func `a task ends with a callback, its file is a PNG that shows its source`() async throws {
        try await withSandbox { world in
            let photo = PNG.encode(Canvas(width: 4, height: 4))
            let upload = try await world.send(
                .post,
                "/kie-upload/api/file-base64-upload",
                ["base64Data": .string(Data(photo).base64EncodedString()), "uploadPath": "in", "fileName": "a.png"],
                ["Authorization": "Bearer key"]
            )
            let source = try #require(upload.json["data"]?["downloadUrl"])
            let created = try await world.kie(["prompt": "кот", "image_input": [source]])
            let id = try #require(created["data"]?["taskId"]?.string)
            await eventually { !world.received("/webhooks/kie/token").isEmpty }
            let callback = try #require(world.received("/webhooks/kie/token").first)
            #expect(callback["data"]?["taskId"]?.string == id)
            let result = try JSONText.parse(try #require(callback["data"]?["resultJson"]?.string))
            let url = try #require(result["resultUrls"]?.array?.first?.string)
            let file = try await Self.client.send(ClientRequest(url: url))
            #expect(ImageFacts(file.body)?.mimeType == "image/png")
            let tasks = try await world.send(.get, "/sandbox/kie/tasks")
            let sha = tasks.json["tasks"]?.array?.first?["sources"]?.array?.first?["sha256"]?.string
            #expect(sha?.count == 64)
        }
    }

    @Test func `an early callback comes before the answer, a storm comes tenfold, a lost one never`() async throws {
        try await withSandbox { world in
            let early = try await world.kie(["prompt": "кот #early"])
            #expect(world.received("/webhooks/kie/token").map { $0["data"]?["taskId"] } == [early["data"]?["taskId"]])
            _ = try await world.kie(["prompt": "кот #storm"])
            await eventually { world.received("/webhooks/kie/token").count == 11 }
            let lost = try await world.kie(["prompt": "кот #lost"])
            let id = try #require(lost["data"]?["taskId"]?.string)
            try await eventually {
                let record = try await world.send(
                    .get,
                    "/kie/api/v1/jobs/recordInfo?taskId=\(id)",
                    nil,
                    ["Authorization": "Bearer key"]
                )
                return record.json["data"]?["state"] == "success"
            }
            #expect(world.received("/webhooks/kie/token").count == 11)
        }
    }

    @Test func `KIE hides its refusals in HTTP 200`() async throws {
        try await withSandbox { world in
            let wrong = try await world.send(.post, "/kie/api/v1/jobs/createTask", [:], ["Authorization": "Bearer no"])
            #expect(wrong.status == 200)
            #expect(wrong.json["code"] == 401)
            #expect(try await world.kie([:])["msg"] == "This field is required: prompt")
            #expect(try await world.kie(["prompt": "x"], model: "no-such")["code"] == 422)
            let unknown = try await world.send(
                .get,
                "/kie/api/v1/jobs/recordInfo?taskId=x",
                nil,
                ["Authorization": "Bearer key"]
            )
            #expect(unknown.json == ["code": 422, "msg": "recordInfo is null", "data": .null])
            _ = try await world.send(.post, "/sandbox/faults", ["kind": "kie.create.402"])
            #expect(try await world.kie(["prompt": "x"])["code"] == 402)
            #expect(try await world.kie(["prompt": "x"])["code"] == 200)
        }
    }

    @Test func `a payment is made once, paid on the page, and told twice when ordered`() async throws {
        try await withSandbox { world in
            let basic = "Basic " + Data("1:s".utf8).base64EncodedString()
            let body: JSONValue = [
                "amount": ["value": "100.00", "currency": "RUB"], "capture": true,
                "confirmation": ["type": "redirect", "return_url": "https://t.me/bot"],
            ]
            let fields: HTTPFields = ["Authorization": basic, "Idempotence-Key": "k1"]
            let first = try await world.send(.post, "/yookassa/v3/payments", body, fields)
            let again = try await world.send(.post, "/yookassa/v3/payments", body, fields)
            #expect(first.json["id"] != nil)
            #expect(first.json["id"] == again.json["id"])
            let other = try await world.send(.post, "/yookassa/v3/payments", body.merging(["capture": false]), fields)
            #expect(other.status == 400)
            #expect(try await world.send(.get, "/yookassa/v3/payments").status == 401)
            _ = try await world.send(.post, "/sandbox/faults", ["kind": "yookassa.notice.double"])
            let id = try #require(first.json["id"]?.string)
            let page = try await Self.client.send(
                ClientRequest(
                    method: .post,
                    url: world.url + "/yookassa/pay/\(id)",
                    fields: ["Content-Type": "application/x-www-form-urlencoded"],
                    body: .bytes(Array("action=paid".utf8))
                )
            )
            #expect(page.status == 303)
            await eventually { world.received("/webhooks/yookassa").count == 2 }
            #expect(world.received("/webhooks/yookassa").allSatisfy { $0["event"] == "payment.succeeded" })
            let read = try await world.send(.get, "/yookassa/v3/payments/\(id)", nil, ["Authorization": basic])
            #expect(read.json["status"] == "succeeded")
        }
    }

    @Test func `Stars are charged only after the bot agreed`() async throws {
        try await withSandbox { world in
            try await connectBot(world)
            _ = try await world.send(.post, "/sandbox/updates", ["user": 7_012_345_678, "text": "/start"])
            let invoice = try await world.telegram(
                "sendInvoice",
                [
                    "chat_id": 7_012_345_678, "title": "100", "description": "x", "payload": "ord", "currency": "XTR",
                    "prices": [["label": "x", "amount": 50]],
                ]
            )
            let id = try #require(invoice.json["result"]?["message_id"])
            for isAccepted in [false, true] {
                async let paid = world.send(
                    .post,
                    "/sandbox/updates",
                    ["user": 7_012_345_678, "pay": ["message_id": id]]
                )
                let count = isAccepted ? 2 : 1
                await eventually {
                    world.received("/webhooks/telegram").count { $0["pre_checkout_query"] != nil } == count
                }
                let query = world.received("/webhooks/telegram").compactMap { $0["pre_checkout_query"]?["id"] }.last
                let answer = try await world.telegram(
                    "answerPreCheckoutQuery",
                    ["pre_checkout_query_id": try #require(query), "ok": .bool(isAccepted), "error_message": "нет"]
                )
                #expect(answer.status == 200)
                #expect(try await paid.json["ok"] == .bool(isAccepted))
            }
            await eventually {
                world.received("/webhooks/telegram").contains { $0["message"]?["successful_payment"] != nil }
            }
            let charge = world.received("/webhooks/telegram").compactMap {
                $0["message"]?["successful_payment"]?["telegram_payment_charge_id"]
            }
            #expect(charge.count == 1)
            let refund: JSONValue = [
                "user_id": 7_012_345_678, "telegram_payment_charge_id": try #require(charge.first),
            ]
            #expect(try await world.telegram("refundStarPayment", refund).status == 200)
            #expect(
                try await world.telegram("refundStarPayment", refund).json["description"]
                    == "Bad Request: CHARGE_ALREADY_REFUNDED"
            )
        }
    }

    @Test func `the assistant spells in Latin letters when it is asked to translate, and does nothing else`()
        async throws
    {
        func ask(_ wish: String, _ text: String) -> JSONValue {
            [
                "model": "small",
                "messages": [
                    ["role": "system", "content": .string(wish)], ["role": "user", "content": .string(text)],
                ],
            ]
        }
        try await withSandbox { world in
            let path = "/assistant/v1/chat/completions"
            let answer = try await world.send(.post, path, ask("Translate the text", "Щука и «Ёж» в 4K"))
            #expect(
                answer.json["choices"]?.array?.first?["message"]?["content"] == "Shchuka i «Ezh» v 4K"
            )
            #expect(try await world.send(.post, path, ask("Rewrite the text", "кот")).status == 501)
            #expect(try await world.send(.post, path, ["messages": []]).status == 400)
        }
    }

    @Test func `a restart loses neither chats nor tasks nor payments nor what still has to be told`() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sandbox-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }  // Only litter.
        let basic = "Basic " + Data("1:s".utf8).base64EncodedString()
        try await withSandbox(state: folder, gateway: { _ in .text(503, "not yet") }) { world in
            try await connectBot(world)
            _ = try await world.send(.post, "/sandbox/updates", ["user": 7_012_345_678, "text": "помни"])
            let payment = try await world.send(
                .post,
                "/yookassa/v3/payments",
                ["amount": ["value": "100.00", "currency": "RUB"], "capture": true, "confirmation": ["type": "qr"]],
                ["Authorization": basic, "Idempotence-Key": "k1"]
            )
            _ = try await world.send(.post, "/sandbox/pay/\(payment.json["id"]?.string ?? "")", [:])
            _ = try await world.kie(["prompt": "кот"])
            await eventually {
                !world.received("/webhooks/kie").isEmpty && !world.received("/webhooks/yookassa").isEmpty
            }
        }
        try await withSandbox(state: folder) { world in
            let chat = try await world.send(.get, "/sandbox/chats/7012345678")
            #expect(chat.json["messages"]?.array?.first?["text"] == "помни")
            await eventually { world.received("/webhooks/yookassa").first?["event"] == "payment.succeeded" }
            try await connectBot(world)
            await eventually { world.received("/webhooks/telegram").first?["message"]?["text"] == "помни" }
            let tasks = try await world.send(.get, "/sandbox/kie/tasks")
            #expect(tasks.json["tasks"]?.array?.first?["state"] == "success")
        }
    }
}
