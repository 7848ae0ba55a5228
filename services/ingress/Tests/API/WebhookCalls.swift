import HTTP
import HTTPClient
import ServiceKit
import TestSupport
import Testing

@testable import IngressService

/// What tests of the webhooks ask a running ingress.
extension TestService<IngressService> {
    /// Posts to the public door, as the providers do.
    ///
    /// - Parameter extra: Header lines beside the content type; a name may come twice.
    func webhook(_ path: String, _ body: String, _ extra: HTTPFields = [:]) async throws -> ClientResponse {
        var fields = extra
        fields["Content-Type"] = "application/json"
        let port = try #require(runner.publicPort)
        return try await runner.context.http.send(
            ClientRequest(
                method: .post,
                url: "http://127.0.0.1:\(port)/webhooks/\(path)",
                fields: fields,
                body: .bytes(Array(body.utf8)),
                // Longer than a commit that waits for a database which is not there.
                timeout: .seconds(30)
            )
        )
    }

    /// Posts an update of the bot `main`, whose secret is `right`.
    func update(_ id: Int64, chat: Int64 = 7, secret: String = "right") async throws -> ClientResponse {
        let body = #"{"update_id":\#(id),"message":{"chat":{"id":\#(chat),"type":"private"},"text":"a"}}"#
        return try await webhook("telegram/main", body, ["X-Telegram-Bot-Api-Secret-Token": secret])
    }

    /// Posts a notification of YooKassa.
    func yookassa(_ object: String, event: String = "payment.succeeded", from fields: HTTPFields = [:]) async throws
        -> ClientResponse
    {
        try await webhook("yookassa", #"{"event":"\#(event)","object":{"id":"\#(object)"}}"#, fields)
    }

    /// The samples of a metric as `/metrics` shows them: by its labels but the service's, e.g. `source="kie"`.
    func samples(of metric: String) async throws -> [String: Double] {
        let answer = try await runner.context.http.send(ClientRequest(url: url + "/metrics"))
        let start = metric + #"{service="ingress""#
        var samples: [String: Double] = [:]
        for line in String(decoding: answer.body, as: UTF8.self).split(separator: "\n") where line.hasPrefix(start) {
            let rest = line.dropFirst(start.count)
            guard let end = rest.lastIndex(of: "}"), let value = Double(rest[end...].dropFirst(2)) else { continue }
            samples[String(rest[..<end].drop { $0 == "," })] = value
        }
        return samples
    }
}
