internal import Contracts
internal import HTTP
internal import HTTPServer
internal import Telemetry
internal import Time

/// All paths of the sandbox's listener.
struct SandboxRoutes: Sendable {
    let tools: Tools
    let telegram: TelegramDesk
    let kie: KieDesk
    let yookassa: YooKassaDesk
    let control: ControlDesk
    let metrics: Metrics

    /// Body of a Bot API call: 50 MB of files and the parameters.
    static let telegramBytes = 52 << 20
    /// Body of an upload to KIE.
    static let uploadBytes = 110 << 20
    /// Longer than the longest silence that a stand-in keeps on order.
    static let silence: Duration = .seconds(120)

    func router() -> Router {
        var router = Router()
        addTelegram(to: &router)
        addKie(to: &router)
        addYooKassa(to: &router)
        router.on(.post, "/assistant/v1/chat/completions") { request in
            await logged("assistant", "chat/completions", request) { AssistantDesk().complete(request) }
        }
        addControl(to: &router)
        addPage(to: &router)
        return router
    }

    private func addTelegram(to router: inout Router) {
        for method in [HTTPMethod.get, .post] {
            router.on(method, "/telegram/{bot}/{method}", maximumBodyBytes: Self.telegramBytes, timeout: Self.silence) {
                request in
                await logged("telegram", request.parameters["method"] ?? "", request) { await telegram.call(request) }
            }
        }
        router.on(.get, "/telegram/file/{bot}/{folder}/{name}") { request in
            await logged("telegram", "file", request) { telegram.download(request) }
        }
    }

    private func addKie(to router: inout Router) {
        router.on(.post, "/kie/api/v1/jobs/createTask", timeout: Self.silence) { request in
            try await logged("kie", "createTask", request) { try await kie.createTask(request) }
        }
        router.on(.get, "/kie/api/v1/jobs/recordInfo") { request in
            await logged("kie", "recordInfo", request) { kie.recordInfo(request) }
        }
        for creation in KieFamily.creations {
            router.on(.post, "/kie/api/v1" + creation.path, timeout: Self.silence) { request in
                try await logged("kie", creation.path, request) { try await kie.createTask(request, creation) }
            }
        }
        for family in KieFamily.allCases {
            router.on(.get, "/kie/api/v1" + family.recordPath) { request in
                await logged("kie", family.recordPath, request) { kie.recordInfo(request, family) }
            }
        }
        router.on(.get, "/kie/api/v1/models") { request in
            await logged("kie", "models", request) { kie.listModels(request) }
        }
        for call in ["price", "schema", "success-rate"] {
            for name in ["{first}", "{first}/{second}"] {
                router.on(.get, "/kie/api/v1/models/\(name)/\(call)") { request in
                    await logged("kie", call, request) { kie.describeModel(request, call) }
                }
            }
        }
        router.on(.get, "/kie/api/v1/chat/credit") { request in
            await logged("kie", "credit", request) { kie.credit(request) }
        }
        router.on(.post, "/kie/api/v1/common/download-url") { request in
            await logged("kie", "download-url", request) { kie.downloadURL(request) }
        }
        router.on(.get, "/kie/files/{owner}/{name}") { request in
            try await logged("kie", "file", request) { try await kie.file(request) }
        }
        router.on(.post, "/kie-upload/api/file-stream-upload", maximumBodyBytes: Self.uploadBytes) { request in
            await logged("kie-upload", "stream", request) { kie.streamUpload(request) }
        }
        router.on(.post, "/kie-upload/api/file-base64-upload", maximumBodyBytes: Self.uploadBytes) { request in
            await logged("kie-upload", "base64", request) { kie.base64Upload(request) }
        }
        router.on(.post, "/kie-upload/api/file-url-upload", timeout: .seconds(60)) { request in
            await logged("kie-upload", "url", request) { await kie.urlUpload(request) }
        }
    }

    private func addYooKassa(to router: inout Router) {
        let calls: [(HTTPMethod, String, YooKassaOperation)] = [
            (.post, "/payments", .createPayment), (.get, "/payments", .listPayments),
            (.get, "/payments/{id}", .readPayment), (.post, "/payments/{id}/capture", .capturePayment),
            (.post, "/payments/{id}/cancel", .cancelPayment), (.post, "/refunds", .createRefund),
            (.get, "/refunds", .listRefunds), (.get, "/refunds/{id}", .readRefund), (.get, "/me", .readShop),
        ]
        for (method, path, operation) in calls {
            router.on(method, "/yookassa/v3" + path, timeout: Self.silence) { request in
                await logged("yookassa", "\(method) \(path)", request) { await yookassa.call(request, operation) }
            }
        }
        router.on(.get, "/yookassa/pay/{id}") { yookassa.payPage($0) }
        router.on(.post, "/yookassa/pay/{id}") { yookassa.payAction($0) }
    }

    private func addControl(to router: inout Router) {
        router.on(.post, "/sandbox/updates", maximumBodyBytes: Self.telegramBytes, timeout: Self.silence) {
            await control.update($0)
        }
        router.on(.get, "/sandbox/chats") { _ in control.chats() }
        router.on(.post, "/sandbox/chats") { await control.addGroup($0) }
        router.on(.get, "/sandbox/chats/{id}") { await control.transcript($0) }
        router.on(.get, "/sandbox/chats/{id}/changes") { await control.changes($0) }
        router.on(.get, "/sandbox/media/{id}") { control.media($0) }
        router.on(.get, "/sandbox/kie/tasks") { control.tasks($0) }
        router.on(.get, "/sandbox/yookassa/payments") { _ in control.payments() }
        router.on(.post, "/sandbox/pay/{id}") { await control.pay($0) }
        router.on(.get, "/sandbox/faults") { _ in control.faults() }
        router.on(.post, "/sandbox/faults") { await control.orderFault($0) }
        router.on(.delete, "/sandbox/faults") { _ in control.clearFaults() }
        router.on(.get, "/sandbox/settings") { _ in control.settings() }
        router.on(.post, "/sandbox/settings") { await control.changeSettings($0) }
        router.on(.get, "/sandbox/calls") { control.calls($0) }
        router.on(.post, "/sandbox/reset") { _ in control.reset() }
    }

    private func addPage(to router: inout Router) {
        let types = [
            "html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "ttf": "font/ttf",
        ]
        for (name, content) in tools.resources.page {
            let type = types[name.split(separator: ".").last.map(String.init) ?? ""] ?? "application/octet-stream"
            let response = HTTPResponse(
                status: 200,
                fields: [
                    "Content-Type": "\(type); charset=utf-8", "Cache-Control": "no-cache",
                    "X-Content-Type-Options": "nosniff",
                ],
                body: .bytes(content)
            )
            for path in name == "index.html" ? ["/", "/chat"] : ["/" + name] {
                router.on(.get, path) { _ in response }
            }
        }
        router.on(.get, "/favicon.ico") { _ in
            HTTPResponse(status: 301, fields: ["Location": "/icon.svg"], body: .none)
        }
        router.on(.get, "/healthz") { _ in .text(200, "ok\n") }
        router.on(.get, "/readyz") { _ in .json(["ready": true, "missing": []]) }
        router.on(.get, "/metrics") { _ in
            HTTPResponse(
                status: 200,
                fields: ["Content-Type": "text/plain; version=0.0.4"],
                body: .bytes(metrics.render())
            )
        }
    }

    /// Answers a call and notes it in the call log.
    private func logged(
        _ provider: String,
        _ operation: String,
        _ request: HTTPRequest,
        _ body: () async throws -> HTTPResponse
    ) async rethrows -> HTTPResponse {
        let start = Deadline.monotonicNow()
        let at = tools.clock.now
        let response = try await body()
        tools.calls.append(
            CallLog.Entry(
                at: at,
                provider: provider,
                direction: "in",
                operation: operation,
                status: response.status,
                milliseconds: Int64((Deadline.monotonicNow() - start) / 1_000_000),
                note: Self.note(request, response)
            )
        )
        return response
    }

    /// What distinguishes the call: its query, and the beginning of an answer that is not plainly good.
    private static func note(_ request: HTTPRequest, _ response: HTTPResponse) -> String {
        var note = request.parameters["id"] ?? request.query["taskId"] ?? ""
        guard case .bytes(let bytes) = response.body else { return note }
        if note.isEmpty, let chat = chat(in: bytes) { note = "chat \(chat)" }
        guard bytes.count < 2_000 else { return note }
        let text = String(decoding: bytes, as: UTF8.self)
        if response.status >= 400 || text.contains("\"code\":") && !text.contains("\"code\":200") {
            note += note.isEmpty ? String(text.prefix(300)) : " " + text.prefix(300)
        }
        return note
    }

    /// The id of the chat that Telegram's answer is about. Files are not looked through: it would cost more than they do.
    private static func chat(in answer: [UInt8]) -> Int64? {
        guard answer.first == UInt8(ascii: "{"), answer.count < 64 << 10,
            let chat = place(behind: "\"chat\":{", in: answer[...])
        else { return nil }
        let members = answer[chat...].prefix { $0 != UInt8(ascii: "}") }
        guard let id = place(behind: "\"id\":", in: members) else { return nil }
        let digits = members[id...].prefix { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
        return Int64(String(decoding: digits, as: UTF8.self))
    }

    /// A plain loop: the library's search is a hundred times slower on bytes.
    private static func place(behind word: String, in bytes: ArraySlice<UInt8>) -> Int? {
        let wanted = Array(word.utf8)
        guard bytes.count >= wanted.count else { return nil }
        for start in bytes.startIndex...(bytes.endIndex - wanted.count) where bytes[start] == wanted[0] {
            if bytes[start..<(start + wanted.count)].elementsEqual(wanted) { return start + wanted.count }
        }
        return nil
    }
}
