package import Postgres
package import Time

/// The bot's pace, shared by all instances through one row.
package struct BotStore: Sendable {
    private let database: Database

    package init(_ database: Database) {
        self.database = database
    }

    /// Slots for messages, `interval` apart.
    package struct Slots: Sendable, Equatable {
        /// From now to the first one.
        package var delay: Duration
        package var slowness: Double
        package var slowedAt: Timestamp
    }

    /// Takes the next `count` slots; slots that nobody took have passed and are not made up for.
    package func reserve(_ count: Int, interval: Duration) async throws -> Slots {
        let micros = interval.wholeMicroseconds * Int64(count)
        let rows = try await database.query(
            """
            update bot set arrival = greatest(arrival, clock_timestamp(), paused_until)
                + \(micros) * interval '1 microsecond'
            where id = 1
            returning extract(epoch from arrival - \(micros) * interval '1 microsecond' - clock_timestamp())::float8,
                slowness, slowed_at
            """
        )
        guard let row = rows.first else { return Slots(delay: .zero, slowness: 1, slowedAt: Timestamp(seconds: 0)) }
        let (delay, slowness, slowedAt) = try row.decode(Double.self, Double.self, Timestamp.self)
        return Slots(delay: .seconds(max(0, delay)), slowness: slowness, slowedAt: slowedAt)
    }

    /// Stops the whole bot for a while, and slows it down afterwards.
    package func pause(for pause: Duration, _ pace: BotPace) async throws {
        try await database.execute(
            """
            update bot set paused_until = greatest(paused_until, now() + \(pause.inSeconds) * interval '1 second'),
                slowness = \(pace.slowness), slowed_at = \(pace.slowedAt)
            where id = 1
            """
        )
    }
}
