internal import Cryptography

/// Where a private PostgreSQL cluster lives and as whom it runs.
///
/// PostgreSQL refuses to run as root, so that root runs it as user `postgres`; that user can't enter folders such as
/// /root, and then the cluster moves to /var/lib/atelier/<hash of the state folder>. A socket's path may have 107 bytes;
/// a longer one moves to /tmp/atelier-<hash>.
package struct ClusterPlacement: Sendable, Equatable {
    /// The longest path of a Unix socket, without its terminating zero (sun_path is 108 bytes).
    package static let maximumSocketPathBytes = 107

    /// Holds `data/` and, unless the path is too long, `run/`; owned by the user that PostgreSQL runs as.
    package let folder: String
    /// The folder of the socket.
    package let socketFolder: String
    /// The user that PostgreSQL must run as; nil for the user who runs us.
    package let user: String?

    package var data: String { folder + "/data" }

    /// - Parameters:
    ///   - name: `postgres`, or `test-postgres` for the throw-away cluster.
    ///   - state: The project's state folder, an absolute path.
    ///   - postgresCanEnter: Whether user `postgres` can reach the state folder.
    package init(name: String, state: String, isRoot: Bool, postgresCanEnter: Bool) {
        let hash = String(Hex.encode(SHA256.hash(Array(state.utf8))).prefix(12))
        user = isRoot ? "postgres" : nil
        folder = isRoot && !postgresCanEnter ? "/var/lib/atelier/\(hash)/\(name)" : "\(state)/\(name)"
        let socket = folder + "/run"
        let longest = (socket + "/.s.PGSQL.5432.lock").utf8.count
        socketFolder = longest <= Self.maximumSocketPathBytes ? socket : "/tmp/atelier-\(hash)-\(name)"
    }

    /// The URL of a database for libpq, by the socket.
    package func url(database: String, user: String, password: String? = nil) -> String {
        let host = socketFolder.split(separator: "/").map { "%2F" + Self.encoded($0) }.joined()
        let credentials = password.map { "\(user):\($0)" } ?? user
        return "postgresql://\(credentials)@/\(database)?host=\(host)"
    }

    private static func encoded(_ text: Substring) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            return isPlain ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte]).uppercased()
        }.joined()
    }
}
