/// What a protocol makes of one connection's bytes. Loop thread only.
protocol Session: AnyObject {
    /// Takes all of the bytes, which are borrowed for the call.
    func receive(_ bytes: UnsafeRawBufferPointer)
    /// The peer will send nothing more.
    func inputEnded()
    /// The moment given to `Connection.setDeadline` has come.
    func deadlinePassed()
    /// Bytes have left, or at least an attempt was made.
    func outputMoved()
    /// The connection is gone; nothing can be sent any more.
    func connectionClosed()
    /// The server stops: finish what was begun and take nothing new.
    func drain()
}

/// A connection before its first bytes tell which protocol the peer speaks.
///
/// HTTP/2 with prior knowledge begins with a preface that no HTTP/1 request can begin with (RFC 9113, section 3.4).
final class OpeningSession: Session {
    private let connection: Connection
    /// The part of the preface that has come; seldom more than nothing.
    private var begun: [UInt8] = []

    init(connection: Connection) {
        self.connection = connection
        connection.setDeadline(connection.server.deadline(after: connection.server.configuration.headerDeadline))
    }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard begun.isEmpty else {
            unsafe begun.append(contentsOf: bytes)
            return unsafe begun.withUnsafeBytes { unsafe decide($0) }
        }
        unsafe decide(bytes)
    }

    private func decide(_ bytes: UnsafeRawBufferPointer) {
        let known = min(bytes.count, HTTP2Preface.bytes.count)
        for index in 0..<known where unsafe bytes[index] != HTTP2Preface.bytes[index] {
            return unsafe connection.speak(HTTP1Session(connection: connection), bytes)
        }
        if known == HTTP2Preface.bytes.count {
            guard let session = HTTP2Session(connection: connection) else { return connection.close(nil) }
            unsafe connection.speak(session, bytes)
        } else if begun.isEmpty {
            unsafe begun.append(contentsOf: bytes)
        }
    }

    func inputEnded() {
        connection.close(begun.isEmpty ? nil : .peerGone)
    }

    func deadlinePassed() {
        connection.close(.idle)
    }

    func outputMoved() {}
    func connectionClosed() {}

    func drain() {
        connection.closeAfterOutput()
    }
}

/// How a client says that it speaks HTTP/2 (RFC 9113, section 3.4).
enum HTTP2Preface {
    static let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
}
