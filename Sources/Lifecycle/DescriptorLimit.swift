internal import Glibc

/// How many files and sockets this process may have open.
package enum DescriptorLimit {
    /// Raises the soft limit to the hard one: many systems start processes with 1,024, which is less than the connections
    /// that a listener lets in.
    ///
    /// - Returns: The limit in force afterwards.
    @discardableResult
    package static func raise() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return Int(before) }
        return Int(clamping: limit.rlim_cur)
    }
}
