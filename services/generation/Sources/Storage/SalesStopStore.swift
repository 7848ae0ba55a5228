internal import ModelCatalogue
internal import Postgres
internal import Time

/// A row of a price table that is not sold, at the price that it had.
struct SalesStop: Sendable, Equatable {
    var slug: String
    var row: String
    var millicredits: Int64
    var reason: String
    /// Nil before it is stored.
    var stoppedAt: Timestamp?

    /// The stops that hold: those whose row still has the price that they were made at.
    static func holding(_ stops: [SalesStop], in catalogue: Catalogue) -> [SalesStop] {
        stops.filter { stop in
            let rows = catalogue.entry(named: stop.slug)?.price?.rows ?? []
            return rows.contains { $0.name == stop.row && $0.millicredits == stop.millicredits }
        }
    }

    /// What they take out of sale, and why.
    static func effective(_ stops: [SalesStop], in catalogue: Catalogue) -> [String: String] {
        var reasons: [String: String] = [:]
        for stop in holding(stops, in: catalogue) {
            // A model with one row is not sold at all, so that it leaves the menu too.
            let isWhole = catalogue.entry(named: stop.slug)?.price?.rows.count == 1
            reasons[isWhole ? stop.slug : SalesControl.key(stop.slug, row: stop.row)] = stop.reason
        }
        return reasons
    }
}

/// The SQL of stopped sales.
struct SalesStopStore: Sendable {
    let database: Database

    /// - Returns: false if the row was stopped at this price before.
    func add(_ stop: SalesStop) async throws -> Bool {
        try await database.execute(
            """
            insert into sales_stop (slug, price_row, millicredits, reason)
            values (\(stop.slug), \(stop.row), \(stop.millicredits), left(\(stop.reason), 500)) on conflict do nothing
            """
        ) == 1
    }

    func all() async throws -> [SalesStop] {
        try await database.query(
            "select slug, price_row, millicredits, reason, stopped_at from sales_stop order by stopped_at"
        ).map { row in
            let (slug, name, millicredits, reason, stoppedAt) = try row.decode(
                String.self,
                String.self,
                Int64.self,
                String.self,
                Timestamp.self
            )
            return SalesStop(
                slug: slug,
                row: name,
                millicredits: millicredits,
                reason: reason,
                stoppedAt: stoppedAt
            )
        }
    }
}
