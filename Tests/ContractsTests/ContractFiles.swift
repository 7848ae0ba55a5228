import Contracts
import Foundation

/// The files under contracts/, read once.
struct ContractFiles: Sendable {
    static let shared = Result { try ContractFiles() }

    /// The package's folder.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let folder = root.appending(path: "contracts")

    /// Parsed YAML by file name.
    private(set) var documents: [String: JSONValue] = [:]
    /// All examples, by service and file name.
    private(set) var examples: [ExampleFile] = []

    private init() throws {
        for url in try FileManager.default.contentsOfDirectory(at: Self.folder, includingPropertiesForKeys: nil)
        where url.pathExtension == "yaml" {
            do {
                documents[url.lastPathComponent] = try YAMLSubset.parse(String(contentsOf: url, encoding: .utf8))
            } catch {
                throw FileFailure(file: url.lastPathComponent, reason: "\(error)")
            }
        }
        for service in ServiceName.allCases where service != .operator {
            let folder = Self.folder.appending(path: "examples/\(service.rawValue)")
            for url in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
                examples.append(try ExampleFile(url, service: service))
            }
        }
        examples.sort { ($0.service.rawValue, $0.name) < ($1.service.rawValue, $1.name) }
    }

    /// The contract of a service.
    func contract(of service: ServiceName) throws -> JSONValue {
        try document("\(service.rawValue).openapi.yaml")
    }

    func document(_ name: String) throws -> JSONValue {
        guard let document = documents[name] else { throw FileFailure(file: name, reason: "is missing") }
        return document
    }

    /// Follows `$ref`s until something else stands there.
    func resolve(_ value: JSONValue, in file: String) throws -> (value: JSONValue, file: String) {
        guard let reference = value["$ref"]?.string else { return (value, file) }
        let parts = reference.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw FileFailure(file: file, reason: "bad $ref \(reference)") }
        let target = parts[0].isEmpty ? file : String(parts[0].trimmingPrefix("./"))
        var current = try document(target)
        for step in parts[1].split(separator: "/") {
            guard let inner = current[String(step)] else {
                throw FileFailure(file: file, reason: "$ref \(reference) leads nowhere")
            }
            current = inner
        }
        return try resolve(current, in: target)
    }

    /// The OpenAPI operation object of a Swift operation, found by its id.
    func operation(_ id: String, of service: ServiceName) throws -> (path: String, method: String, body: JSONValue) {
        for (path, item) in try contract(of: service)["paths"]?.object ?? [:] {
            for (method, body) in item.object ?? [:] where body["operationId"]?.string == id {
                return (path, method, body)
            }
        }
        throw FileFailure(file: "\(service.rawValue).openapi.yaml", reason: "has no operation \(id)")
    }
}

/// A contract file that can't be used.
struct FileFailure: Error, CustomStringConvertible {
    var file: String
    var reason: String
    var description: String { "\(file): \(reason)" }
}

/// One exchange: `contracts/examples/<service>/<operation>.<case>.json`.
struct ExampleFile: Sendable, CustomStringConvertible {
    let service: ServiceName
    let name: String
    let operation: String
    let content: JSONValue

    init(_ url: URL, service: ServiceName) throws {
        self.service = service
        self.name = url.lastPathComponent
        let parts = name.split(separator: ".")
        guard parts.count == 3, parts[2] == "json" else {
            throw FileFailure(file: name, reason: "is not named <operation>.<case>.json")
        }
        self.operation = String(parts[0])
        do {
            self.content = try ContractJSON.decode(JSONValue.self, from: Data(contentsOf: url))
        } catch {
            throw FileFailure(file: name, reason: "\(error)")
        }
    }

    var description: String { "\(service.rawValue)/\(name)" }
}
