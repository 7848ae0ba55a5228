internal import EventLoop

/// One socket of libcurl's on the loop. Loop thread only.
///
/// libcurl takes its interest back after every call and states it anew for the next one on the same connection. In between
/// the socket stays registered, so that a call on a kept connection needs no system call for that.
final class SocketWatch {
    var watch: Watch?
    private(set) var isParked = false

    func park() {
        isParked = true
        watch?.update(.readable)
    }

    func resume(_ interest: Interest) {
        isParked = false
        watch?.update(interest)
    }
}
