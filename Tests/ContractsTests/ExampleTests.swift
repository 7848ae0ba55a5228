import Contracts
import Testing

/// Every example is a possible exchange for the Swift types and for the YAML.
@Suite struct ExampleTests {
    static let examples = (try? ContractFiles.shared.get().examples) ?? []  // The first test says why there are none.

    @Test func `every operation has an example that succeeds`() throws {
        let files = try ContractFiles.shared.get()
        for operation in OperationCatalogue.operations {
            #expect(
                files.examples.contains {
                    $0.service == operation.service && $0.operation == operation.id && $0.content["answer"] != nil
                },
                "\(operation.id)"
            )
        }
    }

    @Test(arguments: examples)
    func `an example decodes, re-encodes equal and fits the YAML`(example: ExampleFile) throws {
        let operation = try #require(
            OperationCatalogue.operations.first { $0.id == example.operation && $0.service == example.service },
            "no such operation"
        )
        try check(example.content, operation)
    }

    private func check<Checked: Operation>(_ content: JSONValue, _ operation: Checked.Type) throws {
        let files = try ContractFiles.shared.get()
        let file = "\(Checked.service.rawValue).openapi.yaml"
        let (_, _, body) = try files.operation(Checked.id, of: Checked.service)
        let members = Set(content.object?.keys.map { $0 } ?? [])
        #expect(
            members.isSubset(of: [
                "about", "parameters", "idempotency_key", "request", "status", "idempotency_replayed", "answer",
                "problem",
            ])
        )
        #expect(content["about"]?.string?.isEmpty == false)
        #expect((content["request"] != nil) == Checked.isMutating)
        #expect((content["idempotency_key"] != nil) == Checked.isMutating)
        #expect((content["answer"] != nil) != (content["problem"] != nil))

        let texts = (content["parameters"]?.object ?? [:]).compactMapValues(\.string)
        let parameters = try Checked.Parameters(from: ParameterValues(texts))
        #expect(Dictionary(uniqueKeysWithValues: parameters.values.map { ($0.name, $0.value) }) == texts)
        if let key = content["idempotency_key"] {
            let schema = try files.document("headers.yaml")["components"]?["parameters"]?["IdempotencyKey"]?["schema"]
            #expect(try SchemaValidator(files: files).problems(key, schema ?? .null, in: "headers.yaml").isEmpty)
        }
        if let request = content["request"] {
            let schema = try #require(body["requestBody"]?["content"]?["application/json"]?["schema"])
            try roundTrip(request, Checked.Input.self, schema, in: file, files)
        }
        if let answer = content["answer"] {
            let replayed = content["idempotency_replayed"] == true
            #expect(content["status"]?.integer == Int64(replayed ? 200 : Checked.successStatus))
            let schema = body["responses"]?[String(Checked.successStatus)]?["content"]?["application/json"]?["schema"]
            try roundTrip(answer, Checked.Output.self, #require(schema), in: file, files)
        }
        if let problem = content["problem"] { try checkProblem(problem, content, Checked.problems, files) }
    }

    private func roundTrip<Value: Codable>(
        _ value: JSONValue,
        _ type: Value.Type,
        _ schema: JSONValue,
        in file: String,
        _ files: ContractFiles
    ) throws {
        let validator = SchemaValidator(files: files)
        #expect(try validator.problems(value, schema, in: file) == [])
        let decoded = try ContractJSON.decode(type, from: ContractJSON.encode(value))
        #expect(try ContractJSON.decode(JSONValue.self, from: ContractJSON.encode(decoded)) == value)
        let grown = try validator.withUnknownMembers(value, schema, in: file)
        #expect(grown != value)
        let tolerated = try ContractJSON.decode(type, from: ContractJSON.encode(grown))
        #expect(try ContractJSON.encode(tolerated) == ContractJSON.encode(decoded))
    }

    private func checkProblem(
        _ value: JSONValue,
        _ content: JSONValue,
        _ own: Set<ProblemCode>,
        _ files: ContractFiles
    ) throws {
        let schema: JSONValue = ["$ref": "#/components/schemas/Problem"]
        #expect(try SchemaValidator(files: files).problems(value, schema, in: "problems.yaml") == [])
        let problem = try ContractJSON.decode(Problem.self, from: ContractJSON.encode(value))
        #expect(try ContractJSON.decode(JSONValue.self, from: ContractJSON.encode(problem)) == value)
        #expect(own.union(ProblemTests.common).contains(problem.code))
        #expect(content["status"]?.integer == Int64(problem.code.status))
        #expect(problem.status == problem.code.status)
        let documented = try files.document("problems.yaml")["problems"]?[problem.code.rawValue]?["members"]?.object
        #expect(
            Set(problem.members.keys) == Set(documented?.keys.map { $0 } ?? []).subtracting(["retry_after_seconds"])
        )
    }

    @Test func `the validator finds what does not fit`() throws {
        let files = try ContractFiles.shared.get()
        let validator = SchemaValidator(files: files)
        let schema: JSONValue = ["$ref": "#/components/schemas/PlaceHoldRequest"]
        let bad: JSONValue = [
            "hold_id": "01A1FC05-b2e8-7415-a5f9-000000000a01", "user_id": 0, "amount_kopecks": .number(1.5),
            "expires_at": "yesterday",
        ]
        #expect(
            try validator.problems(bad, schema, in: "billing.openapi.yaml").sorted() == [
                "$.amount_kopecks: a fraction", "$.expires_at: not a time", "$.hold_id: not a UUID",
                "$.user_id: too small", "$: memo is missing",
            ]
        )
        #expect(throws: FileFailure.self) {
            try validator.problems(1, ["type": "integer", "multipleOf": 2], in: "billing.openapi.yaml")
        }
    }
}
