package import Contracts
package import EventLoop
internal import HTTPClient
internal import Telemetry
internal import Time

/// Asks the running services how they are.
package struct Probe: Sendable {
    private let loop: EventLoop
    private let ports: [String: Int]
    private let http: HTTPClient

    package init(loop: EventLoop, ports: PortPlan) {
        self.init(loop: loop, ports: ports.ports)
    }

    package init(loop: EventLoop, ports: [String: Int]) {
        self.loop = loop
        self.ports = ports
        self.http = HTTPClient(
            loop: loop,
            configuration: HTTPClientConfiguration(),
            metrics: Metrics(service: "atelier"),
            log: Log(service: "atelier", level: .error)
        )
    }

    /// Closes the connections, so that nobody who stops later waits for us.
    package func close() async { await http.shutdown() }

    /// Waits until all are ready.
    ///
    /// - Returns: What is missing when the time is over, by child; empty as soon as nothing is.
    package func waitUntilReady(within: Duration) async -> [String: String] {
        let deadline = Deadline.after(within)
        while true {
            let missing = await missing()
            if missing.isEmpty || deadline.isExpired { return missing }
            do { try await loop.sleep(for: .milliseconds(100)) } catch { return missing }  // Stopped while starting.
        }
    }

    /// What each child lacks; children that lack nothing are left out.
    package func missing() async -> [String: String] {
        await withTaskGroup(of: (String, String?).self) { group in
            for name in ["sandbox"] + Project.services.map(\.rawValue) {
                group.addTask { (name, await trouble(name)) }
            }
            var missing: [String: String] = [:]
            for await (name, reason) in group { missing[name] = reason }
            return missing
        }
    }

    /// What a service lacks; nil if it answers that it is ready.
    package func trouble(of service: ServiceName) async -> String? { await trouble(service.rawValue) }

    /// `/health` of a service as JSON; nil if it doesn't answer.
    package func health(_ service: ServiceName) async -> JSONValue? {
        guard let answer = try? await get(service.rawValue, "/health"), answer.status == 200 else { return nil }
        return try? ContractJSON.decode(JSONValue.self, from: answer.body)
    }

    private func trouble(_ name: String) async -> String? {
        do {
            // The sandbox has no readiness of its own: it is ready when it answers.
            let answer = try await get(name, name == "sandbox" ? "/healthz" : "/readyz")
            if name == "sandbox" || answer.status == 200 { return nil }
            let report = try? ContractJSON.decode(JSONValue.self, from: answer.body)
            let reasons = report?["missing"]?.array?.compactMap { missing -> String? in
                guard let check = missing["check"]?.string, let reason = missing["reason"]?.string else { return nil }
                return "\(check): \(reason)"
            }
            return reasons?.joined(separator: "; ") ?? "answers with status \(answer.status)"
        } catch {
            return "does not answer (\(error.code.rawValue))"
        }
    }

    private func get(_ name: String, _ path: String) async throws(HTTPClientError) -> ClientResponse {
        try await http.send(
            ClientRequest(
                url: "http://127.0.0.1:\(ports[name] ?? 0)\(path)",
                timeout: .seconds(2),
                connectTimeout: .seconds(1),
                peer: "service"
            )
        )
    }
}
