/// A connection before TLS is agreed on: there is nothing to say or to hear yet, only time that passes.
final class HandshakeSession: Session {
    private let connection: Connection

    init(connection: Connection, deadline: Duration) {
        self.connection = connection
        connection.setDeadline(connection.server.deadline(after: deadline))
    }

    func receive(_ bytes: UnsafeRawBufferPointer) {}

    func inputEnded() {
        connection.close(nil)
    }

    func deadlinePassed() {
        connection.server.tls?.metrics.handshake("too_slow")
        connection.close(.tlsHandshake)
    }

    func outputMoved() {}
    func connectionClosed() {}

    func drain() {
        connection.close(nil)
    }
}
