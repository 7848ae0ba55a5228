internal import EventLoop

/// Lets a few handshakes do their next step in each turn of the loop, as signing costs as much as many requests: a crowd
/// of new connections waits for itself instead of making everybody wait. Loop thread only.
final class HandshakeQueue {
    private let perTurn: Int
    private let loop: EventLoop
    private var left: Int
    private var waiting: [Connection] = []
    private var isArmed = false

    init(perTurn: Int, loop: EventLoop) {
        self.perTurn = max(1, perTurn)
        self.loop = loop
        left = self.perTurn
    }

    /// Lets the connection's handshake go on, now or in a later turn.
    func admit(_ connection: Connection) {
        arm()
        guard left > 0, waiting.isEmpty else {
            connection.pauseReading(true)
            waiting.append(connection)
            return
        }
        left -= 1
        connection.read()
    }

    private func arm() {
        guard !isArmed else { return }
        isArmed = true
        // A timer without delay is due in the next turn, after the descriptors have been looked at.
        loop.schedule(after: .zero) { [self] in nextTurn() }
    }

    private func nextTurn() {
        isArmed = false
        left = perTurn
        guard !waiting.isEmpty else { return }
        let admitted = waiting.prefix(perTurn)
        waiting.removeFirst(admitted.count)
        left -= admitted.count
        arm()
        for connection in admitted where connection.isOpen {
            connection.pauseReading(false)
            connection.read()
        }
    }
}
