/// What is going to happen to one task.
struct KieScript: Codable, Equatable, Sendable {
    /// How a task ends.
    enum Ending: String, Codable, Sendable {
        case success, refuse, temporary, stuck
    }

    /// How its end is told.
    enum Callback: String, Codable, Sendable {
        case once, lost, double, early, storm, late
    }

    /// What becomes of createTask's answer.
    enum Creation: String, Codable, Sendable {
        case answered, lostAnswer, hang, limit, credits, server, maintenance, gateway
    }

    var ending = Ending.success
    var callback = Callback.once
    var creation = Creation.answered
    /// Seconds until the task ends; nil for the usual time.
    var seconds: Double?
    /// Seconds that a late callback is late.
    var lateness: Double = 10
    /// For `temporary`: how many tasks with the same model and input fail before one succeeds; nil for all.
    var failures: Int?

    /// Words in a prompt, written `#word` or `sandbox:word`, and what they order.
    static let words: [String: @Sendable (inout KieScript) -> Void] = [
        "refuse": { $0.ending = .refuse }, "отказ": { $0.ending = .refuse },
        "temporary": { ($0.ending, $0.failures) = (.temporary, 1) },
        "сбой": { ($0.ending, $0.failures) = (.temporary, 1) },
        "broken": { ($0.ending, $0.failures) = (.temporary, nil) },
        "поломка": { ($0.ending, $0.failures) = (.temporary, nil) },
        "slow": { $0.seconds = 30 }, "медленно": { $0.seconds = 30 },
        "fast": { $0.seconds = 0 }, "быстро": { $0.seconds = 0 },
        "stuck": { $0.ending = .stuck }, "навсегда": { $0.ending = .stuck },
        "lost": { $0.callback = .lost }, "потеря": { $0.callback = .lost },
        "double": { $0.callback = .double }, "дважды": { $0.callback = .double },
        "early": { $0.callback = .early }, "рано": { $0.callback = .early },
        "storm": { $0.callback = .storm }, "шквал": { $0.callback = .storm },
        "late": { $0.callback = .late }, "поздно": { $0.callback = .late },
        "hang": { $0.creation = .lostAnswer }, "зависни": { $0.creation = .lostAnswer },
        "limit": { $0.creation = .limit }, "429": { $0.creation = .limit }, "лимит": { $0.creation = .limit },
        "credits": { $0.creation = .credits }, "402": { $0.creation = .credits },
        "безденег": { $0.creation = .credits },
    ]

    /// The script that a prompt asks for.
    init(prompt: String) {
        for word in prompt.lowercased().split(whereSeparator: { $0.isWhitespace || ",.;!?()".contains($0) }) {
            let name =
                word.hasPrefix("#") ? word.dropFirst() : word.hasPrefix("sandbox:") ? word.dropFirst(8) : nil
            if let name { Self.words[String(name)]?(&self) }
        }
    }

    /// Takes up the faults that were ordered through the control API.
    ///
    /// - Parameter take: Uses up one occasion of a fault, if it was ordered.
    mutating func apply(take: (FaultKind) -> Fault?) {
        for (kind, creation) in Self.creations where take(kind) != nil {
            self.creation = creation
            if creation != .lostAnswer { return }  // No task is made, so nothing else can befall it.
        }
        if take(.kieTaskRefuse) != nil { ending = .refuse }
        if take(.kieTaskTemporary) != nil { (ending, failures) = (.temporary, nil) }
        if take(.kieTaskStuck) != nil { ending = .stuck }
        if let fault = take(.kieTaskSlow) { seconds = fault.delay ?? 30 }
        for (kind, callback) in Self.callbacks {
            if let fault = take(kind) {
                self.callback = callback
                lateness = fault.delay ?? lateness
            }
        }
    }

    private static let creations: [(FaultKind, Creation)] = [
        (.kieCreateHang, .hang), (.kieCreateLimit, .limit), (.kieCreateCredits, .credits),
        (.kieCreateServer, .server), (.kieCreateMaintenance, .maintenance), (.kieCreateGateway, .gateway),
        (.kieCreateLostAnswer, .lostAnswer),
    ]

    private static let callbacks: [(FaultKind, Callback)] = [
        (.kieCallbackLost, .lost), (.kieCallbackDouble, .double), (.kieCallbackEarly, .early),
        (.kieCallbackStorm, .storm), (.kieCallbackLate, .late),
    ]
}
