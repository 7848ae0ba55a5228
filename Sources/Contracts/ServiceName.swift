/// A party on the internal network: the six services and the operator's command line.
///
/// The raw value is the executable's name, the prefix of configuration keys and the `service` label of metrics.
package enum ServiceName: String, CaseIterable, Codable, Sendable, Hashable {
    case ingress, conversation, billing, generation, delivery, payments
    /// The `atelier` command line.
    case `operator`
}
