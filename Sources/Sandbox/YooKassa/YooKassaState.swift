internal import Contracts
internal import Time

/// All that the YooKassa stand-in remembers. Pure: times and ids are given.
struct YooKassaState: Sendable {
    var payments: [String: YooKassaPayment] = [:]
    var refunds: [String: YooKassaRefund] = [:]
    var keys: [String: YooKassaKey] = [:]
    var notices: [String: YooKassaNotice] = [:]

    /// Payments that are remembered; the oldest final ones are forgotten first.
    static let maximumPayments = 100_000

    /// What an idempotence key stands for.
    ///
    /// - Returns: The object that it made; nil if the key is new or older than a day.
    /// - Throws: 400 if it came with another body.
    func replay(_ key: String, fingerprint: String, at now: Int64) throws(YooKassaRefusal) -> String? {
        guard let known = keys[key], known.at > now - YooKassaKey.lifetime else { return nil }
        guard known.fingerprint == fingerprint else {
            throw .invalid("Idempotence key duplicated", parameter: "Idempotence-Key")
        }
        return known.object
    }

    /// Checks an `Idempotence-Key` header.
    static func check(key: String?) throws(YooKassaRefusal) -> String {
        guard let key, !key.isEmpty else {
            throw .invalid("Idempotence key is missing", parameter: "Idempotence-Key")
        }
        let isAllowed = key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-_.".contains($0)) }
        guard key.count <= 64, isAllowed else {
            throw .invalid("Idempotence key is too long or has wrong characters", parameter: "Idempotence-Key")
        }
        return key
    }

    /// The payment that a request body asks for.
    ///
    /// - Parameter pay: Address of the pay page without the id.
    static func payment(_ body: JSONValue, id: String, pay: String, at now: Int64) throws(YooKassaRefusal)
        -> YooKassaPayment
    {
        let kopecks = try YooKassaMoney.kopecks(body["amount"])
        guard kopecks >= 100 else { throw .invalid("Amount is less than the minimum", parameter: "amount.value") }
        let description = body["description"]?.string
        guard (description?.unicodeScalars.count ?? 0) <= 128 else {
            throw .invalid("Description is too long", parameter: "description")
        }
        let metadata = try metadata(body["metadata"])
        try checkReceipt(body["receipt"], kopecks: kopecks)
        let method = body["payment_method_data"]?["type"]?.string ?? "bank_card"
        let limit: Int64 = method == "sbp" ? 70_000_000 : 35_000_000
        guard kopecks <= limit else { throw .invalid("Amount exceeds the maximum", parameter: "amount.value") }
        var payment = YooKassaPayment(
            id: id,
            status: .pending,
            kopecks: kopecks,
            description: description,
            metadata: metadata,
            capture: body["capture"]?.bool ?? false,
            method: method,
            createdAt: now
        )
        payment.savesMethod = body["save_payment_method"]?.bool ?? false
        payment.hasReceipt = body["receipt"] != nil
        if body["payment_method_id"]?.string != nil {
            // A saved method needs no confirmation and is charged at once.
            payment.status = payment.capture ? .succeeded : .waitingForCapture
            payment.settledAt = now
            return payment
        }
        guard let confirmation = body["confirmation"]?["type"]?.string else {
            throw .invalid("Parameter confirmation is required", parameter: "confirmation")
        }
        guard ["redirect", "embedded", "qr", "external", "mobile_application"].contains(confirmation) else {
            throw .invalid("Incorrect value of parameter confirmation.type", parameter: "confirmation.type")
        }
        payment.confirmation = confirmation
        payment.returnURL = body["confirmation"]?["return_url"]?.string
        if confirmation == "redirect" {
            guard let address = payment.returnURL, !address.isEmpty, address.utf8.count <= 2_048 else {
                throw .invalid("Parameter confirmation.return_url is required", parameter: "confirmation.return_url")
            }
            payment.confirmationURL = pay + "/" + id
        }
        return payment
    }

    static func metadata(_ value: JSONValue?) throws(YooKassaRefusal) -> [String: String] {
        guard let value, value != .null else { return [:] }
        guard let members = value.object, members.count <= 16 else {
            throw .invalid("Incorrect value of parameter metadata", parameter: "metadata")
        }
        var metadata: [String: String] = [:]
        for (name, member) in members {
            guard name.count <= 32, let text = member.string, text.unicodeScalars.count <= 512 else {
                throw .invalid("Incorrect value of parameter metadata", parameter: "metadata.\(name)")
            }
            metadata[name] = text
        }
        return metadata
    }

    /// A receipt needs a customer with an address and items that sum up to the amount.
    private static func checkReceipt(_ value: JSONValue?, kopecks: Int64) throws(YooKassaRefusal) {
        guard let value, value != .null else { return }
        let wrong = YooKassaRefusal.invalid("Receipt is missing or illegal", parameter: "receipt")
        let customer = value["customer"]
        guard customer?["email"]?.string?.contains("@") == true || customer?["phone"]?.string != nil,
            let items = value["items"]?.array, (1...100).contains(items.count)
        else { throw wrong }
        var sum: Double = 0
        for item in items {
            guard let quantity = item["quantity"]?.number ?? item["quantity"]?.string.flatMap(Double.init),
                quantity > 0,
                (1...12).contains(item["vat_code"]?.integer ?? 0),
                (1...128).contains(item["description"]?.string?.unicodeScalars.count ?? 0)
            else { throw wrong }
            sum += Double(try YooKassaMoney.kopecks(item["amount"])) * quantity
        }
        guard Int64(sum.rounded()) == kopecks else { throw wrong }
    }

    /// The refund that a request body asks for.
    func refund(_ body: JSONValue, id: String, at now: Int64) throws(YooKassaRefusal) -> YooKassaRefund {
        guard let payment = body["payment_id"]?.string.flatMap({ payments[$0] }) else {
            throw .invalid("Payment doesn't exist or access denied", parameter: "payment_id")
        }
        guard payment.status == .succeeded else {
            throw .invalid("Payment is in another status", parameter: "payment_id")
        }
        let kopecks = try YooKassaMoney.kopecks(body["amount"])
        guard payment.refundedKopecks + kopecks <= payment.kopecks else {
            throw .invalid("Refund amount exceeds the payment amount", parameter: "amount.value")
        }
        let description = body["description"]?.string
        guard (description?.unicodeScalars.count ?? 0) <= 250 else {
            throw .invalid("Description is too long", parameter: "description")
        }
        return YooKassaRefund(
            id: id,
            payment: payment.id,
            kopecks: kopecks,
            description: description,
            metadata: try Self.metadata(body["metadata"]),
            createdAt: now
        )
    }

    /// Adds a refund and books it on its payment.
    mutating func add(_ refund: YooKassaRefund) {
        refunds[refund.id] = refund
        payments[refund.payment]?.refundedKopecks += refund.kopecks
    }
}

/// A page of a list call.
struct YooKassaList: Sendable {
    /// - Parameters:
    ///   - rows: Objects with their creation and settling times, in any order.
    ///   - query: The call's filters.
    /// - Throws: 400 for a bad limit, time or cursor.
    static func page(
        _ rows: [(json: JSONValue, id: String, createdAt: Int64, capturedAt: Int64?)],
        query: Parameters
    ) throws(YooKassaRefusal) -> JSONValue {
        let limit = query.integer("limit") ?? 10
        guard (1...100).contains(limit) else {
            throw .invalid("Incorrect value of parameter limit", parameter: "limit")
        }
        var kept = rows
        for name in ["status", "payment_id"] {
            if let wanted = query.text(name) { kept = kept.filter { $0.json[name]?.string == wanted } }
        }
        if let method = query.text("payment_method") {
            kept = kept.filter { $0.json["payment_method"]?["type"]?.string == method }
        }
        kept = try filter(kept, "created_at", query) { $0.createdAt }
        kept = try filter(kept, "captured_at", query) { $0.capturedAt }
        kept.sort { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
        if let cursor = query.text("cursor") {
            guard let place = kept.firstIndex(where: { $0.id == cursor }) else {
                throw .invalid("Incorrect value of parameter cursor", parameter: "cursor")
            }
            kept = Array(kept[place...])
        }
        let hasMore = kept.count > Int(limit)
        return .members([
            "type": "list", "items": .array(kept.prefix(Int(limit)).map(\.json)),
            "next_cursor": hasMore ? kept[Int(limit)].id.json : nil,
        ])
    }

    private typealias Row = (json: JSONValue, id: String, createdAt: Int64, capturedAt: Int64?)

    private static func filter(
        _ rows: [Row],
        _ name: String,
        _ query: Parameters,
        _ time: (Row) -> Int64?
    ) throws(YooKassaRefusal) -> [Row] {
        var kept = rows
        for (suffix, holds) in comparisons {
            guard let text = query.text("\(name).\(suffix)") else { continue }
            guard let bound = Timestamp(rfc3339: text) else {
                throw .invalid("Incorrect value of parameter \(name).\(suffix)", parameter: "\(name).\(suffix)")
            }
            kept = kept.filter { row in time(row).map { holds($0 * 1_000, bound.microseconds) } ?? false }
        }
        return kept
    }

    private static let comparisons: [(String, @Sendable (Int64, Int64) -> Bool)] = [
        ("gte", { $0 >= $1 }), ("gt", { $0 > $1 }), ("lte", { $0 <= $1 }), ("lt", { $0 < $1 }),
    ]
}
