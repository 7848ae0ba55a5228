import Contracts
import Foundation
import TestSupport

/// The provider's objects under `services/payments/TestData`.
enum Fixture {
    static func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(Repository.root)/services/payments/TestData/\(name).json", encoding: .utf8)
    }

    static func json(_ name: String) throws -> JSONValue {
        try ContractJSON.decode(JSONValue.self, from: text(name).utf8)
    }
}
