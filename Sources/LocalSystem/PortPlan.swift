internal import Configuration
internal import Contracts

/// Which port every listener gets: the wanted one, or a free one near it.
package struct PortPlan: Sendable, Equatable {
    /// A listener that moved because somebody else has its port.
    package struct Move: Sendable, Equatable {
        package let listener: String
        package let wanted: Int
        package let given: Int

        package init(listener: String, wanted: Int, given: Int) {
            self.listener = listener
            self.wanted = wanted
            self.given = given
        }
    }

    /// By listener: `sandbox`, `public` and the names of services.
    package let ports: [String: Int]
    package let moves: [Move]

    /// - Parameters:
    ///   - wanted: In the order in which they choose.
    ///   - isFree: Whether nobody listens on a port now.
    package init(wanted: [(listener: String, port: Int)], isFree: (Int) -> Bool) {
        var ports: [String: Int] = [:]
        var moves: [Move] = []
        var taken = Set(wanted.map(\.port))
        for (listener, port) in wanted {
            guard !isFree(port) else {
                ports[listener] = port
                continue
            }
            // Near ones first, because people recognise 8180 for 8080; then any.
            let near = (1...9).map { port + 100 * $0 }
            let given =
                (near + Array(20_000..<21_000)).first { $0 < 65_536 && !taken.contains($0) && isFree($0) } ?? port
            taken.insert(given)
            ports[listener] = given
            moves.append(Move(listener: listener, wanted: port, given: given))
        }
        self.ports = ports
        self.moves = moves
    }

    package subscript(_ listener: String) -> Int { ports[listener] ?? 0 }

    /// The listeners and the ports they want; `ATELIER_SANDBOX_LISTEN` and `ATELIER_PUBLIC_LISTEN` change theirs.
    package static func wanted(_ environment: [String: String]) -> [(listener: String, port: Int)] {
        defaults.map { listener, port in
            let key = ["sandbox": "ATELIER_SANDBOX_LISTEN", "public": "ATELIER_PUBLIC_LISTEN"][listener]
            return (listener, key.flatMap { environment[$0] }.flatMap { ListenAddress($0) }?.port ?? port)
        }
    }

    private static let defaults: [(listener: String, port: Int)] =
        [("sandbox", 8_080), ("public", 8_090)]
        + Project.services.enumerated().map { ($1.rawValue, 8_101 + $0) }
}
