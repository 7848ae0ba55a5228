/// Hands Telegram updates to conversation. Each item is idempotent by its event id; the key only names the batch.
package enum HandleUpdates: Operation {
    package typealias Input = EventBatch
    package typealias Output = EventVerdicts
    package static let service = ServiceName.conversation
    package static let method = OperationMethod.post
    package static let path = "/v1/updates"
    package static let callers: Set<ServiceName> = [.ingress]
    package static let maximumBodyBytes = 16 << 20
}

/// Hands KIE's callbacks to generation.
package enum HandleCallbacks: Operation {
    package typealias Input = EventBatch
    package typealias Output = EventVerdicts
    package static let service = ServiceName.generation
    package static let method = OperationMethod.post
    package static let path = "/v1/callbacks"
    package static let callers: Set<ServiceName> = [.ingress]
    package static let maximumBodyBytes = 16 << 20
}

/// Hands YooKassa's notifications, pre-checkout queries and Stars payments to payments.
package enum HandlePaymentEvents: Operation {
    package typealias Input = EventBatch
    package typealias Output = EventVerdicts
    package static let service = ServiceName.payments
    package static let method = OperationMethod.post
    package static let path = "/v1/payment-events"
    package static let callers: Set<ServiceName> = [.ingress]
    package static let maximumBodyBytes = 16 << 20
}
