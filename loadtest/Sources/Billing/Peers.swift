import Foundation
import LoadtestKit
import LocalSystem

/// Other people's ways to keep a ledger, run by pgbench on the rig's server.
struct Peers: Sendable {
    let rig: Rig
    /// How long each run takes.
    let seconds: Int

    struct Result: Sendable {
        let connections: Int
        let callsPerSecond: Double
        /// From the mean that pgbench prints.
        let milliseconds: Double
    }

    /// pgbench's own TPC-B-like transactions, 16 connections.
    func tpcb() async throws -> Result {
        try await make("peer_tpcb")
        _ = try await pgbench(["-i", "-s", "10", "-q"], "peer_tpcb")
        return try await measure(["-b", "tpcb-like"], connections: 16, "peer_tpcb")
    }

    /// A ledger in SQL, with each number of connections on a database of its own.
    ///
    /// - Parameter name: `naive` or `double_entry`, see loadtest/peers/ledger.
    func ledger(_ name: String, accounts: Int64, connections: [Int]) async throws -> [Result] {
        let folder = rig.project.root + "/loadtest/peers/ledger"
        let database = "peer_\(name)"
        var results: [Result] = []
        for count in connections {
            try await make(database)
            for file in ["\(name).sql", "\(name).load.sql"] { try await load("\(folder)/\(file)", accounts, database) }
            let arguments = ["accounts=\(accounts)", "placed=0", "ended=0", "refused=0"].flatMap { ["-D", $0] }
            results.append(
                try await measure(arguments + ["-f", "\(folder)/calls.pgbench"], connections: count, database)
            )
        }
        return results
    }

    private func make(_ database: String) async throws {
        _ = try await rig.psql("drop database if exists \(database)")
        _ = try await rig.psql("create database \(database)")
    }

    private func load(_ file: String, _ accounts: Int64, _ database: String) async throws {
        let url = rig.cluster.placement.url(database: database, user: Cluster.administrator)
        _ = try await Tool.output(
            rig.cluster.installation.psql,
            ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "accounts=\(accounts)", "-f", file, url]
        )
    }

    private func measure(_ arguments: [String], connections: Int, _ database: String) async throws -> Result {
        let options = ["-n", "-M", "prepared", "-c", "\(connections)", "-j", "1", "-T", "\(seconds)"]
        let text = try await pgbench(options + arguments, database)
        guard let rate = text.firstMatch(of: /tps = ([\d.]+)/).flatMap({ Double($0.1) }),
            let latency = text.firstMatch(of: /latency average = ([\d.]+)/).flatMap({ Double($0.1) })
        else { throw OperatorError("pgbench printed no rate:\n\(text)", "") }
        return Result(connections: connections, callsPerSecond: rate, milliseconds: latency)
    }

    private func pgbench(_ arguments: [String], _ database: String) async throws -> String {
        let url = rig.cluster.placement.url(database: database, user: Cluster.administrator)
        // Debian's wrapper would choose a cluster of its own; this is the server's own pgbench.
        let program = (rig.cluster.installation.psql as NSString).deletingLastPathComponent + "/pgbench"
        return try await Tool.output(program, arguments + [url])
    }
}
