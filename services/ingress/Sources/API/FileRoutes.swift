internal import Contracts
internal import Cryptography
internal import EventLoop
internal import HTTP
internal import HTTPServer
internal import ServiceKit
internal import Telemetry
internal import Time

/// `GET /files/{signed}`: a result that Telegram can't carry, for whoever has the link, until it expires.
///
/// The link names an asset and nothing else: no path, no host and no redirect can be asked for. 404: no link at all, or
/// the file is gone. 403: not signed by generation. 410: was good once. 429: too much at a time from this address.
struct FileRoutes: Sendable {
    static let retryAfterSeconds = "5"

    let configuration: IngressConfiguration
    let generation: InternalClient
    let seats: FileSeats
    let loop: EventLoop
    let clock: WallClock
    let metrics: IngressMetrics
    let log: Log

    func register(on router: inout Router) {
        router.on(.get, "/files/{signed}", maximumBodyBytes: 0) { request in try await serve(request) }
    }

    private func serve(_ request: HTTPRequest) async throws -> HTTPResponse {
        let address = SourceAddress.of(
            peer: request.remoteAddress,
            forwardedFor: request.fields.values("X-Forwarded-For"),
            trusted: configuration.trustedProxies
        )
        // Before the signature is looked at, because that costs more than anything else here.
        guard seats.admit(address) else {
            return refuse(429, "limited", "Слишком много запросов. Попробуйте чуть позже.")
        }
        guard let link = FileLink(request.parameters["signed"] ?? "") else {
            return refuse(404, "unknown", "Такой ссылки нет.")
        }
        let message = FileLink.signedMessage(asset: link.asset, expiresAt: link.expiresAt)
        guard configuration.callbackKey.isValid(link.signature, for: message) else {
            return refuse(403, "forged", "Ссылка неверна.")
        }
        guard clock.now < link.expiresAt else {
            return refuse(410, "expired", "Ссылка устарела. Попросите бота прислать файл ещё раз.")
        }
        return try await answer(request, link, address)
    }

    private func answer(_ request: HTTPRequest, _ link: FileLink, _ address: String) async throws -> HTTPResponse {
        guard let seat = seats.take(address) else {
            return refuse(429, "limited", "Слишком много загрузок сразу. Попробуйте чуть позже.")
        }
        let stream = FileStream(asset: link.asset, generation: generation, loop: loop)
        let facts: FileStream.Facts
        do {
            facts = try await stream.facts()
        } catch let error as CallError where error.problem?.code == .assetNotFound {
            return refuse(404, "gone", "Этого файла больше нет.")
        } catch {
            return refuse(503, "unavailable", "Файл сейчас недоступен. Попробуйте чуть позже.")
        }
        var fields = Self.fields(facts, until: link.expiresAt, now: clock.now)
        if let known = request.fields["If-None-Match"], known == "*" || known.contains(facts.tag) {
            metrics.files.increment("not_modified")
            return HTTPResponse(status: 304, fields: fields)
        }
        // A part of a file that the reader knows in another version would be glued to the wrong bytes.
        let isSame = request.fields["If-Range"].map { $0 == facts.tag } ?? true
        switch ByteRange(isSame ? request.fields["Range"] : nil, size: facts.size) {
        case .whole:
            return body(200, fields, request, stream, facts, 0, facts.size, seat)
        case .part(let offset, let length):
            fields["Content-Range"] = "bytes \(offset)-\(offset + length - 1)/\(facts.size)"
            return body(206, fields, request, stream, facts, offset, length, seat)
        case .unsatisfiable:
            metrics.files.increment("unsatisfiable")
            return HTTPResponse(status: 416, fields: ["Content-Range": "bytes */\(facts.size)"])
        }
    }

    private func body(
        _ status: Int,
        _ fields: HTTPFields,
        _ request: HTTPRequest,
        _ stream: FileStream,
        _ facts: FileStream.Facts,
        _ offset: Int64,
        _ length: Int64,
        _ seat: FileSeat
    ) -> HTTPResponse {
        if request.method == .head { metrics.files.increment("asked") }
        return HTTPResponse(
            status: status,
            fields: fields,
            body: .stream(length: length) { writer in
                // The place is taken for as long as this closure lives.
                defer { withExtendedLifetime(seat) {} }
                do {
                    try await stream.send(facts, offset: offset, length: length, to: writer)
                    metrics.files.increment("served")
                    metrics.fileBytes.add(UInt64(length))
                } catch {
                    metrics.files.increment(error is FileStream.Failure ? "broken" : "left")
                    log.info("a download ended early", [.error: .describing(error)])
                    throw error
                }
            }
        )
    }

    /// A browser keeps it as a file and never runs it, whatever it contains.
    private static func fields(_ facts: FileStream.Facts, until: Timestamp, now: Timestamp) -> HTTPFields {
        [
            "ETag": facts.tag, "Accept-Ranges": "bytes", "Content-Type": facts.type,
            "Content-Disposition": "attachment; filename=\"\(fileName(facts.disposition))\"",
            "Cache-Control": "private, max-age=\(max(0, (until - now).wholeMilliseconds / 1_000)), no-transform",
            "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
            "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex",
        ]
    }

    /// The name of `filename="…"` with nothing in it that a header or a disk could take amiss.
    static func fileName(_ disposition: String) -> String {
        let quoted = disposition.split(separator: "\"", omittingEmptySubsequences: false)
        let name = quoted.count >= 3 ? quoted[1] : ""
        let safe = name.unicodeScalars.filter { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || "-_.".unicodeScalars.contains(scalar))
        }
        let text = String(String.UnicodeScalarView(safe.suffix(80)))
        return text.allSatisfy({ $0 == "." }) ? "file" : String(text.drop { $0 == "." })
    }

    private func refuse(_ status: Int, _ outcome: String, _ text: String) -> HTTPResponse {
        metrics.files.increment(outcome)
        var response = HTTPResponse.text(status, text + "\n")
        response.fields["Cache-Control"] = "no-store"
        if status == 429 || status == 503 { response.fields["Retry-After"] = Self.retryAfterSeconds }
        return response
    }
}
