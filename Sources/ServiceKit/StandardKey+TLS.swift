package import Configuration
internal import HTTPServer

/// A listener whose TLS is configured by keys of its own.
package enum SecuredListener: String, Sendable, CaseIterable {
    case `internal` = "INTERNAL"
    case `public` = "PUBLIC"
}

/// Whether clients have to show a certificate where they may.
package enum ClientIdentification: String, Sendable, CaseIterable {
    case required
    case optional
}

/// TLS: of the listeners, and of calls to other services.
extension StandardKey {
    /// What a listener shows; empty for plain HTTP.
    package static func tlsCertificates(_ listener: SecuredListener) -> ConfigurationKey<[String]> {
        .list(
            "ATELIER_\(listener.rawValue)_TLS_CERTIFICATES",
            default: [],
            help: "PEM files with the listener's certificates, the first for unknown names; empty for plain HTTP"
        )
    }

    package static func tlsKeys(_ listener: SecuredListener) -> ConfigurationKey<[String]> {
        .list(
            "ATELIER_\(listener.rawValue)_TLS_KEYS",
            default: [],
            help: "PEM files with their keys, in the same order; all files are read again when they change"
        )
    }

    package static func tlsClientAuthority(_ listener: SecuredListener) -> ConfigurationKey<String> {
        .string(
            "ATELIER_\(listener.rawValue)_TLS_CLIENT_CA",
            optional: true,
            help: "a PEM file with the authorities of clients; without it no certificate is asked for"
        )
    }

    package static func tlsClients(_ listener: SecuredListener) -> ConfigurationKey<ClientIdentification> {
        .choice(
            "ATELIER_\(listener.rawValue)_TLS_CLIENTS",
            default: .required,
            help: "with a client CA: whether clients must show a certificate, or only a genuine one if any"
        )
    }

    package static let callAuthority = ConfigurationKey.string(
        "ATELIER_CALL_CA",
        optional: true,
        help: "a PEM file with the authorities of other services' certificates, instead of the system's"
    )

    package static let callCertificate = ConfigurationKey.string(
        "ATELIER_CALL_CERTIFICATE",
        optional: true,
        help: "a PEM file with the certificate that calls to other services show"
    )

    package static let callKey = ConfigurationKey.string(
        "ATELIER_CALL_KEY",
        optional: true,
        help: "a PEM file with its key"
    )

    /// The keys of a service, with those of the public listener if it has one.
    static func tls(hasPublicListener: Bool) -> [any ConfigurationKeyDescription] {
        let listeners: [SecuredListener] = hasPublicListener ? [.internal, .public] : [.internal]
        let ofListeners = listeners.flatMap { listener -> [any ConfigurationKeyDescription] in
            [tlsCertificates(listener), tlsKeys(listener), tlsClientAuthority(listener), tlsClients(listener)]
        }
        return ofListeners + [callAuthority, callCertificate, callKey]
    }
}

extension ConfigurationReader {
    /// How a listener speaks TLS; nil for plain HTTP.
    ///
    /// - Throws: `ConfigurationError` if the keys don't fit together.
    func tls(of listener: SecuredListener) throws(ConfigurationError) -> TLSConfiguration? {
        let certificates = try value(StandardKey.tlsCertificates(listener))
        let keys = try value(StandardKey.tlsKeys(listener))
        guard certificates.count == keys.count else {
            throw ConfigurationError(
                key: StandardKey.tlsKeys(listener).name,
                reason: "names \(keys.count) files; there are \(certificates.count) certificates"
            )
        }
        guard !certificates.isEmpty else { return nil }
        var tls = TLSConfiguration(
            identities: zip(certificates, keys).map {
                TLSConfiguration.Identity(certificateFile: $0, keyFile: $1)
            }
        )
        if let authority = optional(StandardKey.tlsClientAuthority(listener)) {
            switch try value(StandardKey.tlsClients(listener)) {
            case .required: tls.clients = .mustIdentify(authorityFile: authority)
            case .optional: tls.clients = .mayIdentify(authorityFile: authority)
            }
        }
        return tls
    }
}
