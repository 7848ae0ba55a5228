internal import CCurl
internal import EventLoop
internal import Glibc
internal import Telemetry
internal import Time

/// A libcurl multi handle whose sockets and timer live on an event loop: one pool of connections.
///
/// Unchecked: after `init` everything happens on the loop's thread. libcurl must not be entered from its own callbacks,
/// so those only note what to watch; a timer of 0 fires in the loop's next turn.
@safe
final class CurlMulti: @unchecked Sendable {
    private let loop: EventLoop
    private let configuration: HTTPClientConfiguration
    private let metrics: HTTPClientMetrics
    private let multi: UnsafeMutableRawPointer
    private var watches: [Int32: SocketWatch] = [:]
    private var timer: Timer?
    /// Transfers that libcurl works on, by their handle's address. The handle's callbacks hold unretained references to
    /// the transfer and to this object, which are valid because both stay here until the handle is removed.
    private var transfers: [Int: CurlTransfer] = [:]
    private var idleHandles: [EasyHandle] = []
    private var isClosed = false

    /// Easy handles kept for reuse; a fresh one costs about as much as a small request.
    private static let maximumIdleHandles = 64

    init(loop: EventLoop, configuration: HTTPClientConfiguration, metrics: HTTPClientMetrics) {
        _ = Self.globalInit
        guard let multi = unsafe curl_multi_init() else { fatalError("libcurl gave no multi handle") }
        self.loop = loop
        self.configuration = configuration
        self.metrics = metrics
        unsafe self.multi = multi
        let limits: [(CURLMoption, Int)] = [
            (CURLMOPT_MAX_HOST_CONNECTIONS, configuration.maximumConnectionsPerHost),
            (CURLMOPT_MAX_TOTAL_CONNECTIONS, configuration.maximumConnections),
            (CURLMOPT_MAXCONNECTS, configuration.maximumIdleConnections),
        ]
        for (option, value) in limits { unsafe check(ccurl_multi_set_long(multi, option, value)) }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe check(ccurl_multi_set_socket(multi, Self.onSocket, context))
        unsafe check(ccurl_multi_set_timer(multi, Self.onTimer, context))
    }

    /// Starts a transfer; `onEnd` of the transfer is called when it is over, also if it could not begin.
    func start(_ transfer: CurlTransfer) {
        guard !isClosed, !transfer.isCancelled else {
            transfer.isCancelled = true
            return end(transfer, .failure(transfer.error(.cancelled)))
        }
        do throws(HTTPClientError) {
            try transfer.open()
        } catch {
            return end(transfer, .failure(error))
        }
        guard let handle = idleHandles.popLast() ?? EasyHandle() else {
            return end(transfer, .failure(transfer.error(.overloaded, "no handle")))
        }
        unsafe configure(handle.pointer, for: transfer)
        transfer.handle = handle
        transfers[handle.key] = transfer
        let code = unsafe curl_multi_add_handle(multi, handle.pointer)
        guard code == CURLM_OK else {
            transfers[handle.key] = nil
            handle.free()
            return end(transfer, .failure(transfer.error(.other, "libcurl took no handle, code \(code.rawValue)")))
        }
    }

    /// Ends a transfer at once; does nothing if it is over.
    func cancel(_ transfer: CurlTransfer) {
        guard !transfer.isCancelled else { return }
        transfer.isCancelled = true
        if let handle = transfer.handle { finish(handle, CURLE_ABORTED_BY_CALLBACK) }
    }

    /// Ends all transfers with `.cancelled` and closes all connections.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        for transfer in Array(transfers.values) { cancel(transfer) }
        for handle in idleHandles { handle.free() }
        idleHandles = []
        unsafe check(curl_multi_cleanup(multi))
        timer?.cancel()
        timer = nil
        for socket in watches.values { socket.watch?.cancel() }
        watches = [:]
    }

    // MARK: - Handles

    private func configure(_ easy: UnsafeMutableRawPointer, for transfer: CurlTransfer) {
        let request = transfer.request
        let context = unsafe Unmanaged.passUnretained(transfer).toOpaque()
        let timeout = max(1, request.timeout.wholeMilliseconds)
        let longs: [(CURLoption, Int)] = [
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_PATH_AS_IS, 1), (CURLOPT_FOLLOWLOCATION, 0),
            (CURLOPT_TIMEOUT_MS, Int(timeout)),
            (CURLOPT_CONNECTTIMEOUT_MS, Int(max(1, min(timeout, request.connectTimeout.wholeMilliseconds)))),
            (CURLOPT_MAXAGE_CONN, Int(max(1, configuration.maximumIdleTime.components.seconds))),
            (CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS)),
            (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            (CURLOPT_TCP_KEEPALIVE, 1),
        ]
        for (option, value) in longs { unsafe check(ccurl_set_long(easy, option, value)) }
        // A handle whose last transfer ended before it had a connection still has its buffers, and libcurl takes no other
        // size then: they are large already.
        for option in [CURLOPT_BUFFERSIZE, CURLOPT_UPLOAD_BUFFERSIZE] {
            _ = unsafe ccurl_set_long(easy, option, 64 << 10)
        }
        let strings: [(CURLoption, String?)] = [
            (CURLOPT_URL, request.url), (CURLOPT_PROTOCOLS_STR, "http,https"),
            (CURLOPT_USERAGENT, configuration.userAgent),
            // An empty text turns the proxy of the environment off.
            (CURLOPT_PROXY, transfer.usesProxy ? configuration.proxy ?? "" : ""),
        ]
        for (option, value) in strings { unsafe check(ccurl_set_string(easy, option, value)) }
        if let file = configuration.certificateAuthorityFile {
            unsafe check(ccurl_set_string(easy, CURLOPT_CAINFO, file))
        }
        if let file = configuration.certificateFile, let key = configuration.keyFile {
            unsafe check(ccurl_set_string(easy, CURLOPT_SSLCERT, file))
            unsafe check(ccurl_set_string(easy, CURLOPT_SSLKEY, key))
        }
        unsafe check(ccurl_set_header(easy, CurlTransfer.onHeader, context))
        unsafe check(ccurl_set_write(easy, CurlTransfer.onBody, context))
        unsafe check(ccurl_set_before_request(easy, CurlTransfer.beforeRequest, context))
        unsafe check(ccurl_set_open_socket(easy, Self.onOpenSocket, context))
        // A connection outlives the transfer that opened it, so the context of its end is this object, which closes all
        // connections before it goes.
        let own = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe check(ccurl_set_close_socket(easy, Self.onCloseSocket, own))
        unsafe transfer.configureBody(easy, context)
    }

    private func finish(_ handle: EasyHandle, _ code: CURLcode) {
        guard let transfer = transfers.removeValue(forKey: handle.key) else { return }
        transfer.handle = nil
        let outcome = unsafe transfer.outcome(code, handle.pointer)
        unsafe check(curl_multi_remove_handle(multi, handle.pointer))
        if idleHandles.count < Self.maximumIdleHandles && !isClosed {
            unsafe curl_easy_reset(handle.pointer)
            idleHandles.append(handle)
        } else {
            handle.free()
        }
        end(transfer, outcome)
    }

    private func end(_ transfer: CurlTransfer, _ outcome: Result<CurlTransfer.RawAnswer, HTTPClientError>) {
        let onEnd = transfer.onEnd
        transfer.onEnd = nil
        onEnd?(outcome)
    }

    // MARK: - Driving libcurl

    private func act(on socket: Int32, _ readiness: Int32) {
        guard !isClosed else { return }
        var running: Int32 = 0
        unsafe check(curl_multi_socket_action(multi, socket, readiness, &running))
        var code = CURLE_OK
        while let easy = unsafe ccurl_multi_next_done(multi, &code) {
            unsafe finish(EasyHandle(easy), code)
        }
    }

    private static let onSocket: ccurl_socket_callback = { _, socket, what, context, _ in
        if let context = unsafe context {
            unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().watch(socket, what)
        }
        return 0
    }

    private static let onTimer: ccurl_timer_callback = { _, milliseconds, context in
        if let context = unsafe context {
            unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().wake(after: milliseconds)
        }
        return 0
    }

    private func watch(_ socket: Int32, _ what: Int32) {
        guard what != CURL_POLL_REMOVE else {
            watches[socket]?.park()
            return
        }
        var interest: Interest = []
        if what & CURL_POLL_IN != 0 { interest.insert(.readable) }
        if what & CURL_POLL_OUT != 0 { interest.insert(.writable) }
        if let known = watches[socket] { return known.resume(interest) }
        do throws(SystemError) {
            let new = SocketWatch()
            new.watch = try loop.watch(socket, interest) { [weak self, unowned new] readiness in
                guard let self else { return }
                guard new.isParked else { return self.act(on: socket, Self.mask(readiness)) }
                // The peer has ended an idle connection, which libcurl finds out when it wants to use it again.
                self.forget(socket)
            }
            watches[socket] = new
        } catch {
            // The transfer then runs into its deadline; the socket cannot be watched (ENOMEM, ENOSPC).
            metrics.unwatchedSockets.increment()
        }
    }

    private func forget(_ socket: Int32) {
        watches.removeValue(forKey: socket)?.watch?.cancel()
    }

    private static func mask(_ readiness: Readiness) -> Int32 {
        var mask: Int32 = 0
        if readiness.contains(.readable) { mask |= CURL_CSELECT_IN }
        if readiness.contains(.writable) { mask |= CURL_CSELECT_OUT }
        if readiness.contains(.failed) { mask |= CURL_CSELECT_ERR }
        return mask
    }

    private func wake(after milliseconds: Int) {
        timer?.cancel()
        timer = nil
        guard milliseconds >= 0, !isClosed else { return }
        timer = loop.schedule(after: .milliseconds(milliseconds)) { [weak self] in
            self?.timer = nil
            self?.act(on: ccurl_socket_timeout, 0)
        }
    }

    private static let onOpenSocket: ccurl_open_socket_callback = { context, _, address in
        guard let context = unsafe context, let address = unsafe address else { return ccurl_bad_socket }
        let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
        let allowed = unsafe transfer.allows(ccurl_address(address))
        guard allowed else { return ccurl_bad_socket }
        let kind = unsafe address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = unsafe socket(address.pointee.family, kind, address.pointee.protocol)
        if descriptor >= 0 { transfer.metrics.opened() }
        return descriptor
    }

    private static let onCloseSocket: ccurl_close_socket_callback = { context, descriptor in
        if let context = unsafe context {
            let multi = unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue()
            multi.forget(descriptor)
            multi.metrics.closed()
        }
        return Glibc.close(descriptor)
    }

    private func check(_ code: CURLcode) {
        precondition(code == CURLE_OK, "libcurl refused an option with code \(code.rawValue)")
    }

    private func check(_ code: CURLMcode) {
        precondition(code == CURLM_OK, "libcurl's multi handle failed with code \(code.rawValue)")
    }

    private static let globalInit: Void = {
        let code = curl_global_init(Int(CURL_GLOBAL_ALL))
        precondition(code == CURLE_OK, "libcurl could not be initialised, code \(code.rawValue)")
    }()
}
