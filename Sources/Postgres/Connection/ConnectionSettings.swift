internal import CPostgres
internal import Glibc

/// The connection parameters of a URL, as libpq's own parser reads them.
struct ConnectionSettings: Sendable {
    /// Keyword and value, without keywords that are not set.
    private(set) var parameters: [String: String]

    /// - Throws: `.configuration` for a URL that libpq refuses; its text is left out because it may hold the password.
    init(url: String, applicationName: String) throws(PostgresError) {
        var parameters = try DatabaseURL(url).parameters
        guard parameters["dbname"] != nil else {
            throw PostgresError(.configuration, operation: "read database URL", detail: "names no database")
        }
        parameters["application_name"] = parameters["application_name"] ?? String(applicationName.prefix(63))
        parameters["client_encoding"] = "UTF8"
        // Debian's libpq would ask a Kerberos library, which blocks, before every connection.
        parameters["gssencmode"] = "disable"
        // A peer that vanished is noticed after a minute instead of two hours.
        parameters["keepalives_idle"] = parameters["keepalives_idle"] ?? "30"
        parameters["keepalives_interval"] = parameters["keepalives_interval"] ?? "10"
        parameters["keepalives_count"] = parameters["keepalives_count"] ?? "3"
        self.parameters = parameters
    }

    /// The host names that need a resolver. `PQconnectStart` would block on them, so that they become `hostaddr` first.
    var unresolvedHosts: [String] {
        guard parameters["hostaddr"] == nil else { return [] }
        return hosts.filter { !$0.isEmpty && !$0.hasPrefix("/") && !$0.hasPrefix("@") && !Self.isAddress($0) }
    }

    private var hosts: [String] {
        (parameters["host"] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// The settings with `hostaddr` filled in; `host` stays, for TLS names and `.pgpass`.
    func resolved(_ addresses: [String: String]) -> ConnectionSettings {
        guard parameters["hostaddr"] == nil else { return self }
        let list = hosts.map { host in Self.isAddress(host) ? host : addresses[host] ?? "" }
        guard list.contains(where: { !$0.isEmpty }) else { return self }
        var copy = self
        copy.parameters["hostaddr"] = list.joined(separator: ",")
        return copy
    }

    /// Looks up a host name; blocks.
    static func resolve(_ host: String) -> String? {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>? = nil
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0, let first = unsafe list else { return nil }
        defer { unsafe freeaddrinfo(first) }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard
            unsafe getnameinfo(
                first.pointee.ai_addr,
                first.pointee.ai_addrlen,
                &text,
                socklen_t(text.count),
                nil,
                0,
                NI_NUMERICHOST
            )
                == 0
        else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func isAddress(_ host: String) -> Bool {
        var space = in6_addr()
        return unsafe inet_pton(AF_INET, host, &space) == 1 || inet_pton(AF_INET6, host, &space) == 1
    }

    /// Begins to connect without blocking; nil only if memory ran out.
    func start() -> OpaquePointer? {
        let names = parameters.keys.sorted()
        let values = names.map { parameters[$0] ?? "" }
        var nameList = unsafe names.map { unsafe strdup($0) } + [nil]
        var valueList = unsafe values.map { unsafe strdup($0) } + [nil]
        defer { unsafe (nameList + valueList).forEach { unsafe free($0) } }
        return unsafe nameList.withUnsafeMutableBufferPointer { names in
            unsafe valueList.withUnsafeMutableBufferPointer { values in
                unsafe names.withMemoryRebound(to: UnsafePointer<CChar>?.self) { names in
                    unsafe values.withMemoryRebound(to: UnsafePointer<CChar>?.self) { values in
                        unsafe PQconnectStartParams(names.baseAddress, values.baseAddress, 0)
                    }
                }
            }
        }
    }
}
