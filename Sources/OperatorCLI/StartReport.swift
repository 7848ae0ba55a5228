internal import Contracts
internal import LocalSystem

/// What `atelier up` prints when everything runs, or when something doesn't.
struct StartReport: Sendable {
    let project: Project
    let ports: PortPlan
    /// What is still missing, by child; empty if everything is ready.
    let missing: [String: String]
    let seconds: Double

    var text: String {
        var lines = ports.moves.map { move in
            "Port \(move.wanted) is taken; \(Self.title(move.listener)) listens on \(move.given) instead."
        }
        guard missing.isEmpty else { return lines.joined(separator: "\n") }
        let tenths = Int(seconds * 10)
        lines += [
            "", "Atelier is ready (\(tenths / 10).\(tenths % 10) s).", "",
            "  Chat with the bot   http://127.0.0.1:\(ports["sandbox"])/",
            "  Webhooks            http://127.0.0.1:\(ports["public"])/webhooks/…",
        ]
        for (index, service) in Project.services.enumerated() {
            let label = index == 0 ? "Health, metrics" : ""
            let padding = String(repeating: " ", count: 20 - label.count)
            lines.append(
                "  \(label)\(padding)http://127.0.0.1:\(ports[service.rawValue])/health  (\(service.rawValue))"
            )
        }
        lines += [
            "  Logs                \(project.logs)/", "",
            "Nothing here needs a token: Telegram, the model provider and YooKassa are stand-ins.",
            "Ctrl-C stops everything; the next start finds its data again.", "",
        ]
        return lines.joined(separator: "\n")
    }

    static func failure(_ missing: [String: String], _ project: Project) -> OperatorError {
        let lines = missing.sorted { $0.key < $1.key }.map { name, reason in
            "  \(name): \(reason)\n\(LogTail.last(4, ofFile: project.log(name)))"
        }
        return OperatorError(
            "Not everything became ready within a minute:\n\(lines.joined(separator: "\n"))",
            "See \(project.logs)/."
        )
    }

    static func title(_ listener: String) -> String {
        switch listener {
        case "sandbox": "the chat page"
        case "public": "the webhook listener"
        default: listener
        }
    }
}
