internal import Configuration
internal import Contracts
internal import Foundation
internal import HTTP
internal import HTTPClient
internal import ModelCatalogue
internal import Telemetry
internal import Time

/// What became of a createTask call.
enum Submission: Sendable, Equatable {
    case accepted(taskID: String)
    /// The provider answered no: there is no task.
    case refused(ProviderFailure)
    /// There was no readable answer: the task may exist.
    case unknown(String)
    /// Nothing left this machine: there is no task.
    case notSent(String)
}

/// Calls KIE. Nothing is repeated here.
///
/// HTTP 200 says nothing: the body's `code` does. Cloudflare in front of the API refuses requests without a familiar
/// User-Agent.
struct KIEClient: Sendable {
    let http: HTTPClient
    let baseURL: String
    let uploadURL: String
    let keys: ProviderKeys
    let calls: Histogram
    /// createTask can be slow.
    var submitTimeout = Duration.seconds(60)

    static let userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 Atelier/1.0"

    /// Submits a task.
    ///
    /// - Parameter input: With everything filled in; defaults of the provider are not relied on.
    func createTask(
        _ route: ProviderRoute,
        input: [String: JSONValue],
        callbackURL: String,
        key: String
    ) async -> Submission {
        let members = JSONValue.object(route.body(input, callbackURL: callbackURL))
        guard let body = try? StoredJSON.encode(members) else { return .notSent("the input is no JSON") }
        var request = request(.post, baseURL + route.create, key: key, timeout: submitTimeout)
        request.body = .bytes(Array(body.utf8))
        do {
            let response = try await send(request, "create_task")
            return Self.submission(status: response.status, body: response.body)
        } catch {
            return error.mayHaveBeenSent ? .unknown(error.code.rawValue) : .notSent(error.code.rawValue)
        }
    }

    /// Reads createTask's answer.
    static func submission(status: Int, body: [UInt8]) -> Submission {
        guard let root = TolerantJSON.parse(body), let code = root["code"].flatMap(TaskRecordReader.code) else {
            guard status < 500 else { return .unknown("HTTP \(status)") }
            guard status >= 400 else { return .unknown("no JSON") }
            return .refused(ProviderFailure(code: status, text: String(decoding: body.prefix(200), as: UTF8.self)))
        }
        if code == 200 {
            let id = (root["data"]?["taskId"] ?? root["data"]?["task_id"])?.string
            guard let id, !id.isEmpty, id.utf8.count <= 128 else { return .unknown("no task id") }
            return .accepted(taskID: id)
        }
        // Gateways on the way to the provider can't know what the provider did.
        if [502, 503, 504, 520, 521, 522, 523, 524].contains(code) { return .unknown("code \(code)") }
        return .refused(ProviderFailure(code: code, text: root["msg"]?.string ?? root["message"]?.string ?? ""))
    }

    /// What recordInfo says about a task.
    struct Reading: Sendable {
        var record: TaskRecord
        /// The answer as it came; holds an echo of the request.
        var body: [UInt8] = []
    }

    func record(_ taskID: String, of family: ProviderFamily, key: String) async -> Reading {
        let url = "\(baseURL)\(family.recordPath)?taskId=\(percentEncode(taskID))"
        do {
            let response = try await send(request(.get, url, key: key, timeout: .seconds(15)), "record_info")
            return Reading(record: TaskRecordReader.read(response.body), body: response.body)
        } catch {
            return Reading(record: .unreadable(error.code.rawValue))
        }
    }

    /// Why an upload failed.
    struct UploadFailed: Error {
        var reason: String
        /// Whether it is the key's fault.
        var failure: ProviderFailure?
    }

    /// Copies a file to the provider; files live there for a day.
    ///
    /// - Parameter name: Random, because equal names overwrite each other; its ending decides the type that is served.
    func upload(file: String, name: String, mimeType: String, key: String) async throws(UploadFailed) -> String {
        var request = request(.post, uploadURL + "/api/file-stream-upload", key: key, timeout: .seconds(120))
        request.fields.remove("Content-Type")
        request.body = .multipart([
            MultipartPart(name: "uploadPath", text: "atelier"),
            MultipartPart(name: "fileName", text: name),
            MultipartPart(name: "file", filename: name, contentType: mimeType, content: .file(path: file)),
        ])
        let response: ClientResponse
        do {
            response = try await send(request, "upload")
        } catch {
            throw UploadFailed(reason: error.code.rawValue)
        }
        let root = TolerantJSON.parse(response.body)
        if let url = (root?["data"]?["downloadUrl"] ?? root?["data"]?["fileUrl"])?.string { return url }
        let code = root?["code"].flatMap(TaskRecordReader.code) ?? response.status
        throw UploadFailed(
            reason: "code \(code)",
            failure: ProviderFailure(code: code, text: root?["msg"]?.string ?? "")
        )
    }

    /// A fresh address for a result whose own has expired; nil if there is none.
    func refreshed(_ url: String, key: String) async -> String? {
        var request = request(.post, baseURL + "/api/v1/common/download-url", key: key, timeout: .seconds(15))
        guard let body = try? StoredJSON.encode(["url": url]) else { return nil }
        request.body = .bytes(Array(body.utf8))
        // Any failure means the same: no other address.
        guard let response = try? await send(request, "download_url") else { return nil }
        return TolerantJSON.parse(response.body)?["data"]?.string
    }

    /// The credit of a key's account; nil if the provider did not say.
    func credits(key: String) async -> Double? {
        let request = request(.get, baseURL + "/api/v1/chat/credit", key: key, timeout: .seconds(15))
        // Any failure means the same: the credit is not known now.
        guard let response = try? await send(request, "credit") else { return nil }
        guard let root = TolerantJSON.parse(response.body), root["code"]?.integer == 200 else { return nil }
        return root["data"]?.number
    }

    /// What a catalogue call says; nil if it says nothing. The slash of a model's name is not encoded.
    ///
    /// - Parameter path: Absolute, e.g. `/api/v1/models/<model>/price`.
    func catalogue(_ path: String, key: String) async -> JSONValue? {
        let request = request(.get, baseURL + path, key: key, timeout: .seconds(20))
        // Any failure means the same: nothing is known now.
        guard let response = try? await send(request, "catalogue") else { return nil }
        guard let root = TolerantJSON.parse(response.body), root["code"]?.integer == 200 else { return nil }
        return root
    }

    private func request(_ method: HTTPMethod, _ url: String, key: String, timeout: Duration) -> ClientRequest {
        var fields: HTTPFields = ["User-Agent": Self.userAgent, "Content-Type": "application/json", "Accept": "*/*"]
        if let key = keys.key(key) { fields["Authorization"] = "Bearer \(key.text)" }
        return ClientRequest(
            method: method,
            url: url,
            fields: fields,
            timeout: timeout,
            maximumResponseBytes: 4 << 20,
            peer: "kie"
        )
    }

    private func send(_ request: ClientRequest, _ call: String) async throws(HTTPClientError) -> ClientResponse {
        let started = Deadline.monotonicNow()
        do {
            let response = try await http.send(request)
            calls.observe(
                Double(Deadline.monotonicNow() - started) * 1e-9,
                call,
                response.status < 500 ? "ok" : "error"
            )
            return response
        } catch {
            calls.observe(Double(Deadline.monotonicNow() - started) * 1e-9, call, "error")
            throw error
        }
    }
}
