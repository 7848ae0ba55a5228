internal import HTTP

/// How a redirect of a GET or HEAD is followed.
enum RedirectRule {
    /// The request to send next.
    ///
    /// Credentials stay with the origin they were meant for, and a redirect never leaves TLS.
    ///
    /// - Parameter target: The absolute URL that libcurl worked out from `Location`.
    /// - Throws: `.addressRefused` for another scheme, or for `http` after `https`.
    static func follow(_ request: ClientRequest, to target: String) throws(HTTPClientError) -> ClientRequest {
        let from = origin(request.url)
        guard let from, let to = origin(target), to.scheme == "https" || (to.scheme == "http" && from.scheme == "http")
        else {
            throw HTTPClientError(.addressRefused, mayHaveBeenSent: true, "a redirect to another scheme")
        }
        var next = request
        next.url = target
        if from != to {
            for name in ["Authorization", "Cookie", "Proxy-Authorization", "Host"] { next.fields[name] = nil }
        }
        return next
    }

    private struct Origin: Equatable {
        let scheme: String
        let authority: String
    }

    /// Host and port of an absolute URL, in lower case; nil if it is none.
    static func authority(of url: String) -> String? {
        origin(url)?.authority
    }

    private static func origin(_ url: String) -> Origin? {
        guard let colon = url.range(ofScheme: ()) else { return nil }
        let rest = url[colon.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        return Origin(scheme: url[..<colon.lowerBound].lowercased(), authority: authority.lowercased())
    }
}

extension String {
    fileprivate func range(ofScheme: Void) -> Range<String.Index>? {
        guard let colon = firstIndex(of: ":"), self[colon...].hasPrefix("://") else { return nil }
        return colon..<index(colon, offsetBy: 3)
    }
}
