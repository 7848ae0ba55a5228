internal import Concurrency
internal import Glibc

/// One proxied connection: two sockets and a thread for each direction.
final class FaultPipe: Sendable {
    enum Direction: Sendable { case toServer, toClient }

    private struct State {
        var isEnded = false
        var resets = false
        /// Threads that still use the sockets.
        var users = 2
    }

    private static let chunkBytes = 16 << 10
    private let client: Int32
    private let server: Int32
    private let state = Locked(State())

    init(client: Int32, server: Int32) {
        self.client = client
        self.server = server
        // A reset can't wake the other thread (only an orderly end could), so that both look at the state often.
        for socket in [client, server] { Sockets.setReceiveTimeout(socket, milliseconds: 20) }
    }

    /// Ends both sides; the threads notice within 20 ms, and the last one closes the sockets.
    func end(resetting: Bool) {
        state.withLock { state in
            guard !state.isEnded else { return }
            state.isEnded = true
            state.resets = resetting
            guard !resetting else { return }
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
        }
    }

    /// Closes the sockets of a pipe whose threads were never started.
    func discard() {
        close(client)
        close(server)
    }

    /// Moves bytes until an end; on a thread of its own.
    func pump(_ direction: Direction, _ dice: FaultDice, _ fate: (Int, inout FaultDice) -> Fate) {
        let (source, sink) = direction == .toServer ? (client, server) : (server, client)
        var dice = dice
        var buffer = [UInt8](repeating: 0, count: Self.chunkBytes)
        while !state.withLock({ $0.isEnded }) {
            guard let count = Sockets.receive(source, into: &buffer) else { continue }
            guard count > 0, pass(buffer[..<count], to: sink, fate(count, &dice)) else {
                end(resetting: count < 0)
                break
            }
        }
        leave()
    }

    /// False if the connection has come to its end.
    private func pass(_ bytes: ArraySlice<UInt8>, to sink: Int32, _ fate: Fate) -> Bool {
        switch fate {
        case .pass:
            return Sockets.send(sink, bytes)
        case .delay(let duration):
            Sockets.pause(duration)
            return Sockets.send(sink, bytes)
        case .split(let pieceBytes):
            var rest = bytes
            while !rest.isEmpty {
                guard Sockets.send(sink, rest.prefix(pieceBytes)) else { return false }
                rest = rest.dropFirst(pieceBytes)
                // So that the pieces arrive apart, up to the first hundred of them.
                if bytes.count - rest.count < 100 * pieceBytes { Sockets.pause(.microseconds(200)) }
            }
            return true
        case .cut(let count):
            _ = Sockets.send(sink, bytes.prefix(count))
            end(resetting: false)
            return false
        case .reset(let count):
            _ = Sockets.send(sink, bytes.prefix(count))
            end(resetting: true)
            return false
        }
    }

    private func leave() {
        let (isLast, resets) = state.withLock { state in
            state.users -= 1
            return (state.users == 0, state.resets)
        }
        guard isLast else { return }
        for socket in [client, server] {
            if resets { Sockets.resetOnClose(socket) }
            close(socket)
        }
    }
}
