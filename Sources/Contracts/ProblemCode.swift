/// Every error code of the internal API; the same list as `contracts/problems.yaml`, which says what each means.
package enum ProblemCode: String, CaseIterable, Sendable, Hashable {
    // Any operation
    case malformedRequest = "malformed_request"
    case unauthenticated
    case callerNotAllowed = "caller_not_allowed"
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case idempotencyKeyMissing = "idempotency_key_missing"
    case idempotencyMismatch = "idempotency_mismatch"
    case inProgress = "in_progress"
    case bodyTooLarge = "body_too_large"
    case overloaded
    case unavailable
    case deadlineExceeded = "deadline_exceeded"
    case internalError = "internal_error"
    // Billing
    case insufficientFunds = "insufficient_funds"
    case holdNotFound = "hold_not_found"
    case holdAlreadyCharged = "hold_already_charged"
    case holdAlreadyReleased = "hold_already_released"
    case holdExpired = "hold_expired"
    case exceedsHold = "exceeds_hold"
    case accountFrozen = "account_frozen"
    case limitExceeded = "limit_exceeded"
    // Generation
    case modelNotFound = "model_not_found"
    case modelUnavailable = "model_unavailable"
    case invalidInputs = "invalid_inputs"
    case quoteNotFound = "quote_not_found"
    case quoteExpired = "quote_expired"
    case jobNotFound = "job_not_found"
    case notCancellable = "not_cancellable"
    case assetNotFound = "asset_not_found"
    // Delivery
    case messageInvalid = "message_invalid"
    case fileNotFound = "file_not_found"
    case fileTooLarge = "file_too_large"
    // Payments
    case orderNotFound = "order_not_found"
    case orderClosed = "order_closed"
    case amountOutOfRange = "amount_out_of_range"
    case paymentMethodUnavailable = "payment_method_unavailable"
    // Ingress
    case eventNotFound = "event_not_found"
    case eventNotReplayable = "event_not_replayable"
    /// A code from a newer peer.
    case unknown

    /// The HTTP status that goes with the code.
    package var status: Int {
        switch self {
        case .malformedRequest, .idempotencyKeyMissing: 400
        case .unauthenticated: 401
        case .insufficientFunds: 402
        case .callerNotAllowed, .accountFrozen: 403
        case .notFound, .holdNotFound, .modelNotFound, .quoteNotFound, .jobNotFound, .assetNotFound, .fileNotFound,
            .orderNotFound, .eventNotFound:
            404
        case .methodNotAllowed: 405
        case .idempotencyMismatch, .inProgress, .holdAlreadyCharged, .holdAlreadyReleased, .exceedsHold,
            .notCancellable, .orderClosed, .eventNotReplayable:
            409
        case .holdExpired, .quoteExpired: 410
        case .bodyTooLarge, .fileTooLarge: 413
        case .invalidInputs, .messageInvalid, .amountOutOfRange: 422
        case .limitExceeded: 429
        case .internalError, .unknown: 500
        case .overloaded, .unavailable, .modelUnavailable, .paymentMethodUnavailable: 503
        case .deadlineExceeded: 504
        }
    }

    /// Whether the same call may succeed later without any change.
    package var isRetryable: Bool {
        switch self {
        case .inProgress, .overloaded, .unavailable, .deadlineExceeded, .internalError: true
        default: false
        }
    }

    /// A short English phrase for people who read the answer.
    package var title: String {
        rawValue.split(separator: "_").joined(separator: " ")
    }
}
