package import Contracts
internal import Jobs
package import Postgres
package import Time

/// The statements on `orders`. Those on a `Transaction` belong to a larger step.
package struct OrderStore: Sendable {
    package let database: Database

    package init(database: Database) {
        self.database = database
    }

    /// What a new order begins with.
    package struct New: Sendable {
        package var input: CreateOrder.Input
        package var callKey: String
        package var fingerprint: [UInt8]
        package var providerKey: String
        package var providerBody: [UInt8]
        package var createdAt: Timestamp
        package var expiresAt: Timestamp
        /// Until when the creating call has the order for itself.
        package var leaseEnd: Timestamp
    }

    /// Stores an order in state creating.
    ///
    /// - Returns: Nil if the order or the call's key exists already; read it in a next statement, since the row that was
    ///   in the way may be younger than this one's snapshot.
    package func insert(_ new: New) async throws(PostgresError) -> StoredOrder? {
        let input = new.input
        let rows = try await database.query(
            """
            insert into orders (order_id, user_id, chat_id, amount_kopecks, rail, state, call_key, fingerprint,
                provider_key, provider_body, next_at, created_at, expires_at)
            values (\(input.orderID), \(input.userID), \(input.chatID), \(input.amountKopecks),
                \(input.rail.rawValue), 'creating', \(new.callKey), \(new.fingerprint), \(new.providerKey),
                \(new.providerBody), \(new.leaseEnd), \(new.createdAt), \(new.expiresAt))
            on conflict do nothing
            returning \(unsafe: StoredOrder.columns)
            """
        )
        return try Self.first(rows)
    }

    package func order(_ id: OrderID) async throws(PostgresError) -> StoredOrder? {
        try Self.first(
            try await database.query("select \(unsafe: StoredOrder.columns) from orders where order_id = \(id)")
        )
    }

    /// The order that a call made; index orders_call.
    package func order(callKey: String) async throws(PostgresError) -> StoredOrder? {
        try Self.first(
            try await database.query("select \(unsafe: StoredOrder.columns) from orders where call_key = \(callKey)")
        )
    }

    /// The order of a payment, locked; index orders_payment.
    static func lock(rail: PaymentRail, paymentID: String, in transaction: Transaction) async throws -> StoredOrder? {
        try first(
            try await transaction.query(
                """
                select \(unsafe: StoredOrder.columns) from orders
                where rail = \(rail.rawValue) and payment_id = \(paymentID) for no key update
                """
            )
        )
    }

    /// An order, locked.
    static func lock(_ id: OrderID, in transaction: Transaction) async throws -> StoredOrder? {
        try first(
            try await transaction.query(
                "select \(unsafe: StoredOrder.columns) from orders where order_id = \(id) for no key update"
            )
        )
    }

    /// Writes what a step has changed; the row is locked.
    ///
    /// - Parameter nextAt: Nil only for an order that has ended.
    static func update(_ order: StoredOrder, nextAt: Timestamp?, now: Timestamp, in transaction: Transaction)
        async throws
    {
        let endedAt = nextAt == nil ? now : nil
        try await transaction.execute(
            """
            update orders set state = \(order.state.rawValue), payment_id = \(order.paymentID),
                pay_url = \(order.payURL), cancel_reason = \(order.cancelReason), attempts = \(order.attempts),
                read_at = \(order.readAt), next_at = \(nextAt), ended_at = \(endedAt)
            where order_id = \(order.orderID)
            """
        )
    }

    /// Leases orders that are due; index orders_due. Instances skip each other's rows.
    package func claim(atMost limit: Int, now: Timestamp, leaseEnd: Timestamp) async throws -> [StoredOrder] {
        try await database.query(
            """
            update orders set next_at = \(leaseEnd), attempts = attempts + 1
            where order_id = any(array(
                select order_id from orders where next_at <= \(now) order by next_at limit \(limit)
                for update skip locked))
            returning \(unsafe: StoredOrder.columns)
            """
        ).map { try StoredOrder($0) }
    }

    /// Sets when an order that has not ended is looked at again, as long as it is still in the state it was claimed in.
    package func postpone(_ order: StoredOrder, until: Timestamp) async throws(PostgresError) {
        try await database.execute(
            """
            update orders set next_at = \(until)
            where order_id = \(order.orderID) and state = \(order.state.rawValue) and next_at is not null
            """
        )
    }

    /// Notes that the provider is being asked about an order, unless that happened after `since`.
    ///
    /// - Returns: Whether the caller may ask.
    package func beginReading(_ id: OrderID, since: Timestamp, now: Timestamp) async throws(PostgresError) -> Bool {
        try await database.execute(
            """
            update orders set read_at = \(now)
            where order_id = \(id) and (read_at is null or read_at < \(since))
            """
        ) == 1
    }

    /// Which of these payments are in the ledger or on their way there.
    package func settled(_ paymentIDs: [String]) async throws -> Set<String> {
        Set(
            try await database.query(
                """
                select payment_id from orders
                where rail = 'yookassa' and payment_id = any(\(paymentIDs)) and state in ('paid', 'credited')
                """
            ).map { try $0.decode(String.self) }
        )
    }

    /// What has been paid in through a rail, for the comparison with the ledger.
    package func sums(_ rail: PaymentRail) async throws -> LedgerComparison.Sums {
        let row = try await database.query(
            """
            select coalesce(sum(amount_kopecks) filter (where state = 'credited'), 0)::bigint,
                coalesce(sum(amount_kopecks) filter (where state = 'paid'), 0)::bigint
            from orders where rail = \(rail.rawValue) and state in ('credited', 'paid')
            """
        )[0]
        let (credited, paid) = try row.decode(Int64.self, Int64.self)
        return LedgerComparison.Sums(credited: credited, paid: paid)
    }

    /// Orders that have not ended, by state.
    package func openCounts() async throws -> [String: Int64] {
        let rows = try await database.query(
            "select state, count(*) from orders where next_at is not null group by state"
        )
        return Dictionary(try rows.map { try $0.decode(String.self, Int64.self) }) { first, _ in first }
    }

    /// Whether a credit of the order waits for its answer; index outbox_lane.
    static func hasOpenCommand(lane: String, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query(
            "select 1 from outbox where lane = \(lane) and answered_at is null limit 1"
        ).isEmpty
    }

    private static func first(_ rows: [Row]) throws(PostgresError) -> StoredOrder? {
        guard let row = rows.first else { return nil }
        do {
            return try StoredOrder(row)
        } catch let error as PostgresError {
            throw error
        } catch {
            throw PostgresError(.decoding, operation: "decode order")
        }
    }
}
