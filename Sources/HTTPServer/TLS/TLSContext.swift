internal import COpenSSL

/// The certificates of a listener as they were read at one moment. Immutable; a connection keeps the one it began with.
@safe final class TLSContext: @unchecked Sendable {
    // @unchecked: OpenSSL counts references to contexts atomically, and nothing changes them after `init`.

    /// One per identity, in their order; the first one is what connections begin with.
    private let contexts: [OpaquePointer]

    /// Reads all files. Blocks.
    init(_ configuration: TLSConfiguration) throws(TLSError) {
        precondition(!configuration.identities.isEmpty, "TLS needs a certificate")
        var contexts: [OpaquePointer] = unsafe []
        for identity in configuration.identities {
            do throws(TLSError) {
                unsafe contexts.append(try Self.make(identity, configuration.clients))
            } catch {
                unsafe contexts.forEach { unsafe SSL_CTX_free($0) }
                throw error
            }
        }
        unsafe self.contexts = contexts
        if unsafe contexts.count > 1 {
            // Not retained: the context is this object's, and connections hold it while their handshake lasts.
            unsafe copenssl_on_server_name(contexts[0], Self.chooseByName, Unmanaged.passUnretained(self).toOpaque())
        }
    }

    deinit {
        unsafe contexts.forEach { unsafe SSL_CTX_free($0) }
    }

    var first: OpaquePointer { unsafe contexts[0] }

    /// Seconds until the first certificate ends.
    var secondsLeft: Int {
        unsafe contexts.reduce(Int.max) { min($0, unsafe copenssl_seconds_left($1)) }
    }

    private static func make(
        _ identity: TLSConfiguration.Identity,
        _ clients: TLSConfiguration.Clients
    ) throws(TLSError) -> OpaquePointer {
        ERR_clear_error()
        guard let context = unsafe copenssl_server_context() else { throw failure("TLS cannot be set up") }
        guard unsafe copenssl_use_identity(context, identity.certificateFile, identity.keyFile) == 1 else {
            unsafe SSL_CTX_free(context)
            throw failure("the certificate \(identity.certificateFile) with the key \(identity.keyFile) cannot be used")
        }
        let isAsked =
            switch clients {
            case .anyone: true
            case .mayIdentify(let file): unsafe copenssl_ask_clients(context, file, 0) == 1
            case .mustIdentify(let file): unsafe copenssl_ask_clients(context, file, 1) == 1
            }
        guard isAsked else {
            unsafe SSL_CTX_free(context)
            throw failure("the authorities of clients cannot be used")
        }
        return unsafe context
    }

    private static func failure(_ text: String) -> TLSError {
        TLSError(description: "\(text): \(takeReason())")
    }

    /// OpenSSL's reason for the failure of the last call.
    static func takeReason() -> String {
        var characters = [CChar](repeating: 0, count: 120)
        unsafe copenssl_take_reason(&characters, characters.count)
        return String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static let chooseByName:
        @convention(c) (OpaquePointer, UnsafeMutablePointer<Int32>, UnsafeMutableRawPointer?) -> Int32 = {
            connection,
            _,
            argument in
            guard let argument = unsafe argument,
                let name = unsafe SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name)
            else { return SSL_TLSEXT_ERR_OK }
            let own = unsafe Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
            if let context = unsafe own.contexts.first(where: { unsafe copenssl_is_for($0, name) == 1 }) {
                unsafe SSL_set_SSL_CTX(connection, context)
            }
            return SSL_TLSEXT_ERR_OK
        }
}
