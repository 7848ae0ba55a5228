internal import Concurrency
internal import Configuration
internal import EventLoop
internal import Foundation
internal import Lifecycle
internal import Sandbox
internal import Telemetry

// `sandbox [serve | check-config]`. Without a database it needs less than a service and starts by itself.
let reader = ConfigurationReader()
let log = Log(service: "sandbox")
let word = CommandLine.arguments.dropFirst().first ?? "serve"
guard ["serve", "check-config"].contains(word) else {
    FileHandle.standardError.write(Data("sandbox: there is no command \"\(word)\"; serve or check-config\n".utf8))
    exit(2)
}

let configuration: SandboxConfiguration
do {
    configuration = try SandboxConfiguration(reader)
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
if word == "check-config" {
    for key in SandboxConfiguration.keys {
        print("\(key.name)=\(key.shownValue(in: reader) ?? "")  # \(key.help)")
    }
    exit(0)
}

let loop = EventLoop(name: "sandbox")
let (stops, stopSignal) = AsyncStream.makeStream(of: Void.self)
let decision = Locked(StopDecision())
StopSignals.listen { number in
    switch decision.withLock({ $0.signalled() }) {
    case .stop: stopSignal.yield(())
    case .exitAtOnce: _exit(128 + number)
    }
}
do {
    let sandbox = try Sandbox(configuration, loop: loop, log: log)
    try await loop.run {
        let port = try await sandbox.start()
        log.info("listening", [.address: .string("\(configuration.address.host):\(port)")])
        for await _ in stops { break }
        log.info("stopping")
        await sandbox.stop(within: .seconds(5))
    }
    log.info("stopped")
    log.flush()
    exit(0)
} catch {
    log.error("stopped", [.error: .describing(error)])
    log.flush()
    exit(1)
}
