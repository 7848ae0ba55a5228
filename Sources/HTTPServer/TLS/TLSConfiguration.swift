/// How a listener speaks TLS: 1.2 and 1.3, with forward secrecy and authenticated ciphers.
package struct TLSConfiguration: Sendable, Hashable {
    /// A certificate and its key, both PEM files.
    package struct Identity: Sendable, Hashable {
        /// The certificate, followed by those that lead to a root.
        package var certificateFile: String
        package var keyFile: String

        package init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    /// Whose clients are let in.
    package enum Clients: Sendable, Hashable {
        /// Everybody's; no certificate is asked for.
        case anyone
        /// A certificate has to be genuine if there is one.
        case mayIdentify(authorityFile: String)
        /// Without a genuine certificate there is no connection.
        case mustIdentify(authorityFile: String)
    }

    /// The first whose certificate is for the name that a client asks for is shown; the first of all if there is none, or
    /// the client asks for no name. At least one.
    package var identities: [Identity]
    package var clients = Clients.anyone
    /// From a connection's beginning to the end of the handshake; closed.
    package var handshakeDeadline = Duration.seconds(10)
    /// Steps of handshakes, which cost up to a millisecond each, between two looks at what else there is to do.
    package var handshakesPerTurn = 4
    /// How often the files are looked at. Changed ones are used for new connections from then on; ones that cannot be
    /// used are reported, and the old ones stay.
    package var reloadInterval = Duration.seconds(10)

    package init(identities: [Identity]) {
        self.identities = identities
    }

    /// All files, in a fixed order.
    var files: [String] {
        let identities = identities.flatMap { [$0.certificateFile, $0.keyFile] }
        switch clients {
        case .anyone: return identities
        case .mayIdentify(let file), .mustIdentify(let file): return identities + [file]
        }
    }
}

/// A certificate, key or authority file cannot be used.
package struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// For people: the files and OpenSSL's reason. No contents.
    package let description: String
}
