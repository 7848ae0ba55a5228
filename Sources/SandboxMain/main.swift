internal import Configuration
internal import Dispatch
internal import EventLoop
internal import Foundation
internal import Lifecycle
internal import Sandbox
internal import Telemetry

// `sandbox [serve|check-config]`; without a database it needs less than a service, so it starts by itself.
let reader = ConfigurationReader()
let log = Log(service: "sandbox")

let configuration: SandboxConfiguration
do {
    configuration = try SandboxConfiguration(reader)
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(2)
}
if CommandLine.arguments.dropFirst().first == "check-config" {
    for key in SandboxConfiguration.keys {
        print("\(key.name)=\(key.shownValue(in: reader) ?? "")  # \(key.help)")
    }
    exit(0)
}

let loop = EventLoop(name: "sandbox")
let sandbox: Sandbox
do {
    sandbox = try Sandbox(configuration, loop: loop, log: log)
} catch {
    log.error("cannot start", [.error: .describing(error)])
    log.flush()
    exit(1)
}
let (stops, stopSignal) = AsyncStream.makeStream(of: Void.self)
StopSignals.listen { _ in
    // The second signal ends the process at once.
    if case .enqueued(remaining: 0) = stopSignal.yield(()) { exit(1) }
}
do {
    try await loop.run {
        let port = try await sandbox.start()
        log.info("listening", [.address: .string("\(configuration.address.host):\(port)")])
        for await _ in stops { break }
        log.info("stopping")
        await sandbox.stop(within: .seconds(5))
    }
} catch {
    log.error("stopped", [.error: .describing(error)])
    log.flush()
    exit(1)
}
log.flush()
exit(0)
