internal import Contracts
internal import Time

/// An answer of YooKassa's that refuses a call.
struct YooKassaRefusal: Error, Equatable {
    var status: Int
    var code: String
    var description: String
    var parameter: String?
    /// Milliseconds.
    var retryAfter: Int?

    static func invalid(_ description: String, parameter: String? = nil) -> YooKassaRefusal {
        YooKassaRefusal(status: 400, code: "invalid_request", description: description, parameter: parameter)
    }

    static func notFound(_ what: String) -> YooKassaRefusal {
        YooKassaRefusal(status: 404, code: "not_found", description: "\(what) doesn't exist or access denied")
    }

    static let unauthorized = YooKassaRefusal(
        status: 401,
        code: "invalid_credentials",
        description: "Authentication by given credentials failed. Check the shopId and the secret key"
    )
    static let tooMany = YooKassaRefusal(
        status: 429,
        code: "too_many_requests",
        description: "Too many requests",
        retryAfter: 1_800
    )
    static let internalError = YooKassaRefusal(
        status: 500,
        code: "internal_server_error",
        description: "Internal server error"
    )

    /// The error object.
    func json(id: String) -> JSONValue {
        .members([
            "type": "error", "id": .string(id), "code": .string(code), "description": .string(description),
            "parameter": parameter?.json, "retry_after": retryAfter?.json,
        ])
    }
}

/// A payment of the YooKassa stand-in.
struct YooKassaPayment: Codable, Equatable, Sendable {
    enum Status: String, Codable, Sendable {
        case pending
        case waitingForCapture = "waiting_for_capture"
        case succeeded, canceled
    }

    var id: String
    var status: Status
    var kopecks: Int64
    var description: String?
    var metadata: [String: String]
    var capture: Bool
    /// `redirect`, `embedded`, `qr`, …
    var confirmation: String?
    var confirmationURL: String?
    var returnURL: String?
    /// `bank_card` unless the call chose another.
    var method: String
    var savesMethod = false
    /// Unix milliseconds.
    var createdAt: Int64
    var settledAt: Int64?
    var refundedKopecks: Int64 = 0
    var cancelParty: String?
    var cancelReason: String?
    var hasReceipt = false

    /// Time to pay, in milliseconds.
    static let timeToPay: Int64 = 3_600_000
    /// Time to capture, in milliseconds.
    static let timeToCapture: Int64 = 7 * 86_400_000

    /// Cancels what was not paid or captured in time.
    ///
    /// - Returns: Whether it changed.
    mutating func expire(at now: Int64) -> Bool {
        let (limit, reason): (Int64, String)
        switch status {
        case .pending: (limit, reason) = (createdAt + Self.timeToPay, "expired_on_confirmation")
        case .waitingForCapture: (limit, reason) = ((settledAt ?? createdAt) + Self.timeToCapture, "expired_on_capture")
        case .succeeded, .canceled: return false
        }
        guard now >= limit else { return false }
        cancel(party: "yoo_money", reason: reason, at: now)
        return true
    }

    mutating func cancel(party: String, reason: String, at now: Int64) {
        status = .canceled
        cancelParty = party
        cancelReason = reason
        settledAt = now
    }

    /// The payment object.
    func json(shop: String) -> JSONValue {
        let isPaid = status == .succeeded || status == .waitingForCapture
        var members: [String: JSONValue?] = [
            "id": .string(id), "status": .string(status.rawValue), "paid": .bool(isPaid), "test": true,
            "amount": YooKassaMoney.json(kopecks), "created_at": .string(YooKassaMoney.time(createdAt)),
            "description": description?.json, "metadata": .object(metadata.mapValues { .string($0) }),
            "recipient": ["account_id": .string(shop), "gateway_id": "2123456"],
            "refundable": .bool(status == .succeeded && refundedKopecks < kopecks),
            "receipt_registration": hasReceipt ? (status == .succeeded ? "succeeded" : "pending") : nil,
        ]
        if status == .pending, let confirmation {
            members["confirmation"] = .members([
                "type": .string(confirmation), "confirmation_url": confirmationURL?.json, "return_url": returnURL?.json,
            ])
        }
        if isPaid || status == .canceled && cancelReason != "expired_on_confirmation" {
            members["payment_method"] = methodJSON
        }
        if status == .succeeded {
            members["captured_at"] = settledAt.map { .string(YooKassaMoney.time($0)) }
            members["income_amount"] = YooKassaMoney.json(kopecks - kopecks * 35 / 1_000)
            members["refunded_amount"] = YooKassaMoney.json(refundedKopecks)
            members["authorization_details"] = [
                "rrn": "603668680243", "auth_code": "062467", "three_d_secure": ["applied": true],
            ]
        }
        if status == .waitingForCapture {
            members["expires_at"] = .string(YooKassaMoney.time((settledAt ?? createdAt) + Self.timeToCapture))
        }
        if status == .canceled {
            members["cancellation_details"] = [
                "party": .string(cancelParty ?? "yoo_money"), "reason": .string(cancelReason ?? "general_decline"),
            ]
        }
        return .members(members)
    }

    private var methodJSON: JSONValue {
        var members: [String: JSONValue] = [
            "type": .string(method), "id": .string("2e" + id.dropFirst(2)),
            "saved": .bool(savesMethod && status == .succeeded),
            "status": savesMethod && status == .succeeded ? "active" : "inactive", "title": "Bank card *4477",
        ]
        if method == "bank_card" {
            members["card"] = [
                "first6": "555555", "last4": "4477", "expiry_year": "2029", "expiry_month": "07",
                "card_type": "MasterCard", "issuer_country": "RU", "issuer_name": "Sberbank",
            ]
        } else if method == "sbp" {
            members["title"] = "СБП"
            members["sbp_operation_id"] = .string("1027088AE4CB48CB81287833347A8777")
        }
        return .object(members)
    }
}

/// A refund of the YooKassa stand-in; always succeeds at once.
struct YooKassaRefund: Codable, Equatable, Sendable {
    var id: String
    var payment: String
    var kopecks: Int64
    var description: String?
    var metadata: [String: String]
    /// Unix milliseconds.
    var createdAt: Int64

    var json: JSONValue {
        .members([
            "id": .string(id), "payment_id": .string(payment), "status": "succeeded",
            "created_at": .string(YooKassaMoney.time(createdAt)), "amount": YooKassaMoney.json(kopecks),
            "description": description?.json, "metadata": .object(metadata.mapValues { .string($0) }),
        ])
    }
}

/// What an idempotence key did.
struct YooKassaKey: Codable, Equatable, Sendable {
    /// SHA-256 of method, path and canonical body, in hexadecimal.
    var fingerprint: String
    /// Id of the payment or refund.
    var object: String
    /// Unix milliseconds.
    var at: Int64

    /// A key is new again after this time, in milliseconds.
    static let lifetime: Int64 = 86_400_000
}

/// A notification that waits for the shop's 200.
struct YooKassaNotice: Codable, Equatable, Sendable {
    var id: String
    var event: String
    var body: String
    /// Unix milliseconds.
    var createdAt: Int64
    var attempts = 0

    /// It is repeated this long, in milliseconds.
    static let lifetime: Int64 = 86_400_000

    /// Seconds until the next attempt. The real intervals are not published.
    static func pause(afterAttempt attempt: Int) -> Double {
        let pauses: [Double] = [2, 5, 10, 30, 60, 300, 900]
        return attempt - 1 < pauses.count ? pauses[max(0, attempt - 1)] : 3_600
    }
}

/// Amounts and times as YooKassa writes them.
enum YooKassaMoney {
    /// `{"value":"499.00","currency":"RUB"}`.
    static func json(_ kopecks: Int64) -> JSONValue {
        ["value": .string(text(kopecks)), "currency": "RUB"]
    }

    /// `499.00`.
    static func text(_ kopecks: Int64) -> String {
        let rest = kopecks % 100
        return "\(kopecks / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Kopecks of an amount object.
    ///
    /// - Throws: 400 for a value that is not text with a dot and at most two decimals, for zero, and for other currencies.
    static func kopecks(_ amount: JSONValue?) throws(YooKassaRefusal) -> Int64 {
        guard let amount, amount.object != nil else {
            throw .invalid("Parameter amount is required", parameter: "amount")
        }
        guard amount["currency"]?.string == "RUB" else {
            throw .invalid("Incorrect currency of payment", parameter: "amount.currency")
        }
        let wrong = YooKassaRefusal.invalid("Incorrect value of parameter amount.value", parameter: "amount.value")
        guard let text = amount["value"]?.string else { throw wrong }
        let sides = text.split(separator: ".", omittingEmptySubsequences: false)
        let isPlain = sides.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isNumber } }
        guard isPlain, sides.count <= 2, sides[0].count <= 9, let whole = Int64(sides[0]) else { throw wrong }
        let cents = sides.count == 2 ? String(sides[1]) : "00"
        guard cents.count <= 2, let rest = Int64(cents.count == 1 ? cents + "0" : cents) else { throw wrong }
        let kopecks = whole * 100 + rest
        guard kopecks > 0 else { throw wrong }
        return kopecks
    }

    /// `2026-11-20T18:40:00.123Z` from Unix milliseconds.
    static func time(_ milliseconds: Int64) -> String {
        let text = Timestamp(microseconds: milliseconds * 1_000).description.dropLast()
        let sides = text.split(separator: ".")
        return "\(sides[0]).\(sides.count > 1 ? sides[1].prefix(3) : "000")Z"
    }
}
