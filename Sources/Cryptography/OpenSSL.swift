internal import COpenSSL

/// Runs one OpenSSL call that can only fail when memory is exhausted or the library is broken, and stops the process if
/// it does: going on without a digest or with predictable random bytes would be worse.
///
/// The thread's error queue is cleared before the call, so that an old entry is never taken for this call's.
func openSSL(_ function: StaticString, _ call: () -> Bool) {
    ERR_clear_error()
    guard call() else { fatalError("OpenSSL \(function) failed with code \(ERR_get_error())") }
}

/// The same for a call that returns an object.
func openSSL(_ function: StaticString, _ call: () -> OpaquePointer?) -> OpaquePointer {
    ERR_clear_error()
    guard let object = unsafe call() else { fatalError("OpenSSL \(function) failed with code \(ERR_get_error())") }
    return unsafe object
}

/// Runs an OpenSSL call whose failure is an ordinary answer (a forged signature, bytes that are no key), and leaves the
/// thread's error queue empty for whoever uses OpenSSL next.
func openSSLAnswer<Answer>(_ call: () -> Answer) -> Answer {
    ERR_clear_error()
    defer { ERR_clear_error() }
    return call()
}
