internal import EventLoop
internal import LoadtestKit

/// What a contestant speaks on its port.
enum Wire: CaseIterable {
    case plain
    /// HTTP/2 with prior knowledge.
    case http2
    case tls
    case http2OverTLS

    var isSecure: Bool { self == .tls || self == .http2OverTLS }
    var scheme: String { isSecure ? "https" : "http" }

    /// What nginx has to be told of it; ours finds out by itself.
    var nginxListenOptions: String {
        switch self {
        case .plain: ""
        case .http2: "http2"
        case .tls: "ssl"
        case .http2OverTLS: "ssl http2"
        }
    }
}

/// The same answer over HTTP/2 and TLS.
enum SecureRows {
    static let all: [ComparedRow] = [
        ComparedRow(
            name: "http2_post",
            title: "HTTP/2, 8 x 32 streams",
            wire: .http2,
            minimumRatio: 1.0,
            maximumLatencyRatio: nil,
            load: loadStreams
        ),
        ComparedRow(
            name: "tls_post",
            title: "HTTP/1.1 over TLS, 64 connections",
            wire: .tls,
            minimumRatio: 0.7,
            maximumLatencyRatio: nil
        ) { server, folder, seconds in
            let result = try await Wrk(
                url: server.url(),
                connections: 64,
                seconds: seconds,
                script: folder.template("post.lua")
            ).run()
            return LoadResult(result)
        },
        ComparedRow(
            name: "http2_tls_post",
            title: "HTTP/2 over TLS, 8 x 32 streams",
            wire: .http2OverTLS,
            minimumRatio: 0.7,
            maximumLatencyRatio: nil,
            load: loadStreams
        ),
    ]

    private static func loadStreams(
        _ server: Contestant,
        _ folder: ServerFolder,
        _ seconds: Int
    ) async throws -> LoadResult {
        let headers = [
            "Content-Type: application/json", "X-Telegram-Bot-Api-Secret-Token: 0123456789abcdef0123456789abcdef",
        ]
        let body = folder.template("update.json")
        let result = try await H2Load(url: server.url(), seconds: seconds, body: body, headers: headers).run()
        // h2load knows no percentiles; the mean stands for the median.
        return LoadResult(
            requestsPerSecond: result.requestsPerSecond,
            p50: result.meanMilliseconds,
            p99: .nan,
            requests: result.requests,
            errors: result.errors
        )
    }
}
