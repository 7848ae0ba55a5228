/// Work that a service does by itself, beside answering calls: claiming jobs, sending commands, sweeping.
package protocol Worker: Sendable {
    /// Lower case with dots, e.g. `outbox.send`; the `worker` label and log field.
    var name: String { get }

    /// Works until the task is cancelled. Throwing or returning earlier is a fault: the worker is started again after a
    /// growing pause, so `run` must be able to begin at any state of the database.
    func run() async throws
}
