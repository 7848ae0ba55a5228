internal import Contracts

/// Carries a frozen command to its service; the internal client does, and fakes in tests.
package protocol CommandTransport: Sendable {
    /// Sends once, with its own timeout, shorter than `OutboxSender.Limits.sendTimeout` plus a second.
    func send(_ command: OutboxCommand, timeout: Duration) async -> CommandReply
}

/// What came of sending a command once.
package enum CommandReply: Sendable, Equatable {
    /// An answer that no repeat will change: success or refusal.
    case final(status: Int, body: [UInt8])
    /// The service wants the command again, not before `after` if it says so.
    case again(reason: String, after: Duration?)
    /// No answer; the command may have had its effect.
    case unreachable(reason: String)
}
