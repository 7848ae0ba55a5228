import Contracts
import Testing

/// problems.yaml and `ProblemCode` are one list.
@Suite struct ProblemTests {
    /// What any operation may answer.
    static let common: Set<ProblemCode> = [
        .malformedRequest, .unauthenticated, .callerNotAllowed, .notFound, .methodNotAllowed, .idempotencyKeyMissing,
        .idempotencyMismatch, .inProgress, .bodyTooLarge, .overloaded, .unavailable, .deadlineExceeded, .internalError,
    ]

    @Test func `the codes agree in status and retryability`() throws {
        let listed = try #require(ContractFiles.shared.get().document("problems.yaml")["problems"]?.object)
        #expect(listed.keys.sorted() == ProblemCode.allCases.filter { $0 != .unknown }.map(\.rawValue).sorted())
        for (name, entry) in listed {
            let code = try #require(ProblemCode(rawValue: name))
            #expect(entry["status"]?.integer == Int64(code.status), "\(name)")
            #expect(entry["retryable"]?.bool == code.isRetryable, "\(name)")
            #expect(entry["meaning"]?.string?.isEmpty == false, "\(name)")
        }
    }

    @Test func `the codes of any operation are listed with the shared answer`() throws {
        let text = try #require(
            ContractFiles.shared.get().document("problems.yaml")["components"]?["responses"]?["Problem"]?[
                "description"
            ]?
            .string
        )
        #expect(Set(text.matches(of: /`(\w+)`/).map { String($0.1) }) == Set(Self.common.map(\.rawValue)))
    }

    @Test func `every code beyond these belongs to an operation or a raw route`() {
        let owned = OperationCatalogue.operations.reduce(into: Set<ProblemCode>()) { $0.formUnion($1.problems) }
        let raw: Set<ProblemCode> = [.assetNotFound, .fileNotFound, .fileTooLarge]
        let homeless = Set(ProblemCode.allCases).subtracting(owned).subtracting(raw).subtracting(Self.common)
        // `order_closed` is kept for the refund operation that the roadmap names.
        #expect(homeless == [.unknown, .orderClosed])
    }

    @Test(arguments: [(503, true), (429, true), (409, false), (404, false)])
    func `a code from a newer peer goes by its status`(status: Int, isRetryable: Bool) throws {
        let text = #"{"code":"not_invented_yet","status":\#(status),"type":"x","title":"x"}"#
        let problem = try ContractJSON.decode(Problem.self, from: text.utf8)
        #expect(problem.code == .unknown)
        #expect(problem.isRetryable == isRetryable)
    }
}
