import Concurrency
import Configuration
import Foundation
import Glibc
import ServiceKit
import Testing

/// A whole process that is told to stop while a request is on its way.
@Suite struct StopProcessTests {
    @Test func `a signal lets the request in flight be answered, closes it and exits with 0`() async {
        await #expect(processExitsWith: .exitCode(0)) {
            StoppedProcess.serve { client in
                kill(getpid(), SIGTERM)
                guard client.waitsUntilNobodyListens() else { _exit(3) }
                client.send("cde")
                let answer = client.receiveAll()
                guard answer.hasPrefix("HTTP/1.1 "), answer.contains("\r\nConnection: close\r\n") else { _exit(4) }
            }
        }
    }

    @Test func `a second signal ends the process at once`() async {
        await #expect(processExitsWith: .exitCode(128 + SIGTERM)) {
            StoppedProcess.serve { client in
                kill(getpid(), SIGTERM)
                guard client.waitsUntilNobodyListens() else { _exit(3) }
                kill(getpid(), SIGTERM)
            }
        }
    }
}

/// Runs in the child process of an exit test.
private enum StoppedProcess {
    /// Serves with no database; `play` runs on a thread of its own once a request is half sent.
    static func serve(_ play: @escaping @Sendable (HalfClient) -> Void) -> Never {
        let port = HalfClient.freePort()
        NativeThread.start(name: "client") {
            guard let client = HalfClient(port: port) else { _exit(2) }
            client.send("PUT /v1/notes/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
            usleep(50_000)
            play(client)
        }.detach()
        ServiceMain.run(
            EchoService.self,
            arguments: ["billing", "serve"],
            configuration: ConfigurationReader(environment: [
                "ATELIER_INTERNAL_LISTEN": "127.0.0.1:\(port)",
                "ATELIER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
                "ATELIER_MIGRATIONS": "/nonexistent",
                "ATELIER_STOP_WITHIN": "20s",
            ])
        )
    }
}

/// A blocking client that sends a request in two halves.
private final class HalfClient: Sendable {
    private let port: Int
    private let descriptor: Int32

    /// Nil if nobody listens within ten seconds.
    init?(port: Int) {
        self.port = port
        for _ in 0..<1_000 {
            let descriptor = Self.connected(to: port)
            if descriptor >= 0 {
                self.descriptor = descriptor
                return
            }
            usleep(10_000)
        }
        return nil
    }

    func send(_ text: String) {
        _ = unsafe Glibc.send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
    }

    func receiveAll() -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all += buffer.prefix(count)
        }
    }

    /// Whether the port is closed within ten seconds.
    func waitsUntilNobodyListens() -> Bool {
        for _ in 0..<1_000 {
            let other = Self.connected(to: port)
            guard other >= 0 else { return true }
            close(other)
            usleep(10_000)
        }
        return false
    }

    static func freePort() -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, length)
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func connected(to port: Int) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = self.address(port)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result == 0 { return descriptor }
        close(descriptor)
        return -1
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = UInt16(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
