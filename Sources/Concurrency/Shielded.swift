/// Runs `body` to its end even when the calling task is cancelled: for the last step of a stop, such as giving back a lease.
///
/// The body must bound its own time.
package func shieldedFromCancellation<Result: Sendable>(
    _ body: @escaping @Sendable () async -> Result
) async -> Result {
    // Unstructured because a child task would inherit the cancellation; it is awaited right here.
    await Task { await body() }.value
}
