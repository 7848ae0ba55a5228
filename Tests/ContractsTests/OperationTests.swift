import Contracts
import Foundation
import Testing

/// Swift and YAML say the same about every operation.
@Suite struct OperationTests {
    static let ids = OperationCatalogue.operations.map { $0.id }

    private func operation(_ id: String) throws -> any Contracts.Operation.Type {
        try #require(OperationCatalogue.operations.first { $0.id == id })
    }

    @Test func `no Operation type is missing in the catalogue`() throws {
        let folder = ContractFiles.root.appending(path: "Sources/Contracts")
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        var declared: [String] = []
        for path in paths {
            let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
            declared += text.matches(of: /enum (\w+): Operation \{/).map { String($0.1) }
        }
        #expect(declared.count > 20)
        #expect(declared.sorted() == OperationCatalogue.operations.map { String(describing: $0) }.sorted())
    }

    @Test func `no operation of the YAML is missing in Swift`() throws {
        let files = try ContractFiles.shared.get()
        var described: [String] = []
        for service in ServiceName.allCases where service != .operator {
            for (_, item) in try files.contract(of: service)["paths"]?.object ?? [:] {
                described +=
                    item.object?.values.filter { $0["x-raw"] == nil }.compactMap { $0["operationId"]?.string } ?? []
            }
        }
        #expect(described.sorted() == Self.ids.sorted())
    }

    @Test(arguments: ids)
    func `path, method, callers and limits agree`(id: String) throws {
        try checkFacts(operation(id))
    }

    private func checkFacts<Checked: Contracts.Operation>(_ operation: Checked.Type) throws {
        let (path, method, body) = try ContractFiles.shared.get().operation(Checked.id, of: Checked.service)
        #expect(path == Checked.path)
        #expect(method.uppercased() == Checked.method.rawValue)
        #expect(Set(body["x-callers"]?.array?.compactMap(\.string) ?? []) == Set(Checked.callers.map(\.rawValue)))
        #expect(body["x-timeout-ms"]?.integer == Int64(Checked.defaultTimeout / .milliseconds(1)))
        let size = Checked.isMutating ? Int64(Checked.maximumBodyBytes) : nil
        #expect(body["x-maximum-body-bytes"]?.integer == size)
        #expect(body["summary"]?.string?.isEmpty == false)
    }

    @Test(arguments: ids)
    func `the shared headers are declared`(id: String) throws {
        let operation = try operation(id)
        let files = try ContractFiles.shared.get()
        let file = "\(operation.service.rawValue).openapi.yaml"
        let (_, _, body) = try files.operation(id, of: operation.service)
        let headers = try body["parameters"]?.array?.map { try files.resolve($0, in: file).value }
            .filter { $0["in"] == "header" }.compactMap { $0["name"]?.string }
        let always: Set = ["Atelier-Timeout-Ms", "traceparent"]
        #expect(Set(headers ?? []) == (operation.isMutating ? always.union(["Idempotency-Key"]) : always))
    }

    @Test(arguments: ids)
    func `statuses and problems agree`(id: String) throws {
        let operation = try operation(id)
        let (_, _, body) = try ContractFiles.shared.get().operation(id, of: operation.service)
        let responses = try #require(body["responses"]?.object)
        var described: Set<String> = []
        for (status, response) in responses where status != "default" {
            guard let codes = response["x-problems"]?.array?.compactMap(\.string) else {
                #expect(status == String(operation.successStatus))
                continue
            }
            for code in codes {
                #expect(ProblemCode(rawValue: code)?.status == Int(status), "\(code) under \(status)")
                described.insert(code)
            }
        }
        #expect(described == Set(operation.problems.map(\.rawValue)))
        #expect(responses["default"]?["$ref"]?.string == "./problems.yaml#/components/responses/Problem")
        #expect(responses[String(operation.successStatus)] != nil)
    }

    @Test(arguments: ids)
    func `request and answer have the same members`(id: String) throws {
        try checkShapes(operation(id))
    }

    private func checkShapes<Checked: Contracts.Operation>(_ operation: Checked.Type) throws {
        let files = try ContractFiles.shared.get()
        let file = "\(Checked.service.rawValue).openapi.yaml"
        let (_, _, body) = try files.operation(Checked.id, of: Checked.service)
        let answer = try #require(
            body["responses"]?[String(Checked.successStatus)]?["content"]?["application/json"]?["schema"]
        )
        #expect(
            try Shape(answer, in: file, files).lines() == ShapeRecorder.shape(of: Checked.Output.self).lines()
        )
        let request = body["requestBody"]?["content"]?["application/json"]?["schema"]
        #expect((request != nil) == Checked.isMutating)
        if let request {
            #expect(
                try Shape(request, in: file, files).lines() == ShapeRecorder.shape(of: Checked.Input.self).lines()
            )
        }
    }

    @Test(arguments: ids)
    func `path and query parameters agree`(id: String) throws {
        try checkParameters(operation(id))
    }

    private func checkParameters<Checked: Contracts.Operation>(_ operation: Checked.Type) throws {
        let files = try ContractFiles.shared.get()
        let file = "\(Checked.service.rawValue).openapi.yaml"
        let (_, _, body) = try files.operation(Checked.id, of: Checked.service)
        var samples: [String: String] = [:]
        var required: Set<String> = []
        var inPath: Set<String> = []
        for parameter in body["parameters"]?.array ?? [] where parameter["$ref"] == nil {
            let name = try #require(parameter["name"]?.string)
            samples[name] = try Self.sample(parameter["schema"] ?? .null, in: file, files)
            if parameter["required"] == true { required.insert(name) }
            if parameter["in"] == "path" { inPath.insert(name) }
        }
        #expect(inPath == Set(Checked.path.matches(of: /\{(\w+)\}/).map { String($0.1) }))
        #expect(required == inPath)

        let parameters = try Checked.Parameters(from: ParameterValues(samples))
        #expect(Dictionary(uniqueKeysWithValues: parameters.values.map { ($0.name, $0.value) }) == samples)
        let properties = Mirror(reflecting: parameters).children.compactMap(\.label).map(ContractJSON.snakeCase)
        #expect(properties.sorted() == samples.keys.sorted())
        for name in samples.keys {
            let without = ParameterValues(samples.filter { $0.key != name })
            if required.contains(name) {
                #expect(throws: ParameterError.self) { try Checked.Parameters(from: without) }
            } else {
                #expect(throws: Never.self) { try Checked.Parameters(from: without) }
            }
        }
    }

    /// Text that fits a parameter's schema.
    private static func sample(_ schema: JSONValue, in file: String, _ files: ContractFiles) throws -> String {
        switch try Shape(schema, in: file, files) {
        case .int32, .int64: "7"
        case .uuid: "01a1fc05-b2e8-7415-a5f9-000000000a01"
        case .string: "job:7"
        case .dateTime: "2026-11-21T10:00:00Z"
        case .boolean: "true"
        case .enumeration(let values, _): try #require(values.min())
        case let other: throw FileFailure(file: file, reason: "a parameter of shape \(other)")
        }
    }

    @Test func `routes that carry bytes are described`() throws {
        let files = try ContractFiles.shared.get()
        for (id, service, path, callers) in [
            ("asset", ServiceName.generation, RawRoute.asset, RawRoute.assetCallers),
            ("telegramFile", .delivery, RawRoute.telegramFile, RawRoute.telegramFileCallers),
        ] {
            let described = try files.operation(id, of: service)
            #expect(described.path == path)
            #expect(described.method == "get")
            #expect(Set(described.body["x-callers"]?.array?.compactMap(\.string) ?? []) == Set(callers.map(\.rawValue)))
        }
    }

    @Test func `the schema of an input problem agrees`() throws {
        let files = try ContractFiles.shared.get()
        let schema: JSONValue = ["$ref": "#/components/schemas/InputProblem"]
        #expect(
            try Shape(schema, in: "generation.openapi.yaml", files).lines()
                == ShapeRecorder.shape(of: InputProblem.self).lines()
        )
    }

    @Test func `every schema is used and every reference leads somewhere`() throws {
        let files = try ContractFiles.shared.get()
        var used: Set<String> = ["generation.openapi.yaml#/components/schemas/InputProblem"]
        func walk(_ value: JSONValue, in file: String) throws {
            if let reference = value["$ref"]?.string {
                _ = try files.resolve(value, in: file)
                used.insert(reference.hasPrefix("#") ? file + reference : String(reference.dropFirst(2)))
            }
            for inner in value.object?.values.map({ $0 }) ?? value.array ?? [] { try walk(inner, in: file) }
        }
        for (file, document) in files.documents { try walk(document, in: file) }
        for (file, document) in files.documents {
            for name in document["components"]?["schemas"]?.object?.keys ?? [:].keys {
                #expect(used.contains("\(file)#/components/schemas/\(name)"), "\(file) \(name) is unused")
            }
        }
    }
}
