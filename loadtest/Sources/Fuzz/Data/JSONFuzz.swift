import Contracts

@testable import IngressService

/// The two readers of foreign JSON.
enum JSONFuzz {
    /// What the contracts' parser accepts is written and read again as the same value, and ingress' outline accepts it too
    /// (escapes apart: a lone surrogate is U+FFFD to one and an error to the other).
    static func checkValue(_ bytes: [UInt8]) {
        guard let value = try? ContractJSON.decode(JSONValue.self, from: bytes) else { return }
        guard let written = try? ContractJSON.encode(value) else { preconditionFailure("\(value) cannot be written") }
        let again = try? ContractJSON.decode(JSONValue.self, from: written)
        precondition(again == value, "\(value) is read back as \(again as Any)")
        guard !bytes.contains(UInt8(ascii: "\\")) else { return }
        let isValid = JSONOutline.walk(bytes) { _, _, _ in }
        precondition(isValid, "the outline refuses what the parser accepts")
    }

    /// The outline reports no value outside its bytes, and reads an update as the parser does.
    static func checkOutline(_ bytes: [UInt8]) {
        let isValid = JSONOutline.walk(bytes) { _, value, _ in
            precondition(value.range.lowerBound >= 0 && value.range.upperBound <= bytes.count)
        }
        let update = UpdateOutline(bytes)
        precondition(isValid || update == nil, "an update was found in what is no JSON")
        guard let update, let value = try? ContractJSON.decode(JSONValue.self, from: bytes),
            let members = value.object, !bytes.contains(UInt8(ascii: "\\"))
        else { return }
        // A member that comes twice is one to the parser, so only updates without one can be compared.
        let names = bytes.split(separator: UInt8(ascii: "\"")).count { $0.elementsEqual("update_id".utf8) }
        guard names == 1, let read = members["update_id"]?.integer else { return }
        precondition(read == update.updateID, "update \(update.updateID) instead of \(read)")
    }
}
